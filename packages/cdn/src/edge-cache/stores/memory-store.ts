import type { StoredResponse } from "../stored-response.ts";
import { Sieve } from "./sieve.ts";

/** Responses of one key that differ by what the request said; the one stored last comes first. */
const maxVariants = 32;

/** Responses in memory, by key, bounded by bytes. */
export class MemoryStore {
  readonly #byKey = new Map<string, StoredResponse[]>();
  readonly #sieve: Sieve<StoredResponse>;
  readonly #onLeave: (response: StoredResponse) => void;

  /** @param onLeave told of each that is no longer held, evicted or removed */
  constructor(
    maxBytes: number,
    onEvict: (response: StoredResponse) => void,
    onLeave: (response: StoredResponse) => void,
  ) {
    this.#onLeave = onLeave;
    this.#sieve = new Sieve(maxBytes, (response) => {
      this.#forget(response);
      onEvict(response);
      onLeave(response);
    });
  }

  get bytes(): number {
    return this.#sieve.bytes;
  }

  get size(): number {
    return this.#sieve.size;
  }

  variants(key: string): readonly StoredResponse[] | undefined {
    return this.#byKey.get(key);
  }

  has(response: StoredResponse): boolean {
    return this.#sieve.has(response);
  }

  /** Takes the place of the one with the same key and selection. */
  put(response: StoredResponse, reservedBytes: number): void {
    const { key, selection } = response.head;
    const old = this.#byKey.get(key)?.find((each) => each.isSelectedBy(selection));
    if (old !== undefined) this.remove(old);
    this.#sieve.add(response, reservedBytes);
    // Looked up only now: making room may have emptied it.
    const variants = this.#byKey.get(key);
    if (variants === undefined) {
      this.#byKey.set(key, [response]);
      return;
    }
    variants.unshift(response);
    const last = variants.at(-1);
    if (variants.length > maxVariants && last !== undefined) this.remove(last);
  }

  remove(response: StoredResponse): void {
    if (!this.#sieve.remove(response)) return;
    this.#forget(response);
    this.#onLeave(response);
  }

  #forget(response: StoredResponse): void {
    const { key } = response.head;
    const left = this.#byKey.get(key)?.filter((each) => each !== response) ?? [];
    if (left.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, left);
  }
}
