const PREFIX = "peregrine.draft";

/**
 * Questions that are not sent yet, kept in the browser's storage by user and conversation, so that
 * a reload, a closed tab or a lost session costs nobody their text. Storage that is full or denied
 * is the same as none.
 */
export class Drafts {
  readonly #storage: Storage;
  readonly #userId: () => string | undefined;

  constructor(storage: Storage, userId: () => string | undefined) {
    this.#storage = storage;
    this.#userId = userId;
  }

  read(conversationId: string | null): string {
    return this.#attempt(() => this.#storage.getItem(this.#key(conversationId))) ?? "";
  }

  write(conversationId: string | null, text: string): void {
    const key = this.#key(conversationId);
    this.#attempt(() =>
      text === "" ? this.#storage.removeItem(key) : this.#storage.setItem(key, text),
    );
  }

  /** Signed out on purpose: the next person at this browser must not find them. */
  clear(): void {
    const prefix = `${PREFIX}.${this.#userId() ?? "nobody"}.`;
    this.#attempt(() => {
      for (const key of Object.keys(this.#storage)) {
        if (key.startsWith(prefix)) this.#storage.removeItem(key);
      }
    });
  }

  #key(conversationId: string | null): string {
    return `${PREFIX}.${this.#userId() ?? "nobody"}.${conversationId ?? "new"}`;
  }

  #attempt<Value>(access: () => Value): Value | undefined {
    try {
      return access();
    } catch {
      return undefined;
    }
  }
}
