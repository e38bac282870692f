import type { Conversation, PatchConversationBody, SocketEvent } from "@peregrine/protocol";
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { ApiError } from "../api/api-error.ts";

type ListState = "loading" | "ready" | "failed";

/**
 * The user's conversations, newest activity first, as far as they are loaded. Conversations that
 * are open but lie further back are known as well ({@link ConversationList.get}) without standing
 * in the list.
 */
export class ConversationList {
  readonly items: ReadonlySignal<readonly Conversation[]>;
  readonly state: ReadonlySignal<ListState>;
  readonly hasMore: ReadonlySignal<boolean>;
  /** The conversations in which an answer is being written. */
  readonly busy: ReadonlySignal<ReadonlySet<string>>;
  readonly #api: Api;
  readonly #items: Signal<readonly Conversation[]> = signal([]);
  readonly #others: Signal<ReadonlyMap<string, Conversation>> = signal(new Map());
  readonly #state: Signal<ListState> = signal("loading");
  readonly #hasMore: Signal<boolean> = signal(false);
  readonly #busy: Signal<ReadonlySet<string>> = signal(new Set());
  #cursor: string | null = null;
  #isLoading = false;

  constructor(api: Api) {
    this.#api = api;
    this.items = this.#items;
    this.state = this.#state;
    this.hasMore = this.#hasMore;
    this.busy = this.#busy;
  }

  /** Reads the beginning of the list anew, keeping what is shown meanwhile. */
  async reload(): Promise<void> {
    if (this.#items.peek().length === 0) this.#state.value = "loading";
    try {
      const page = await this.#api.conversations();
      const oldest = page.conversations.at(-1);
      const further =
        page.nextCursor !== null && oldest !== undefined && this.#cursor !== null
          ? this.#items.peek().filter((item) => compare(oldest, item) < 0)
          : [];
      if (further.length === 0) this.#setCursor(page.nextCursor);
      this.#items.value = merge(page.conversations, further);
      this.#state.value = "ready";
    } catch {
      if (this.#items.peek().length === 0) this.#state.value = "failed";
    }
  }

  async loadMore(): Promise<void> {
    const cursor = this.#cursor;
    if (cursor === null || this.#isLoading) return;
    this.#isLoading = true;
    try {
      const page = await this.#api.conversations(cursor);
      if (this.#cursor !== cursor) return;
      this.#items.value = merge(this.#items.peek(), page.conversations);
      this.#setCursor(page.nextCursor);
    } catch {
      this.#state.value = "failed";
    } finally {
      this.#isLoading = false;
    }
  }

  async retry(): Promise<void> {
    this.#state.value = "ready";
    await (this.#items.peek().length === 0 ? this.reload() : this.loadMore());
  }

  /** What is known of a conversation. Reads the signals, so a component that calls it follows. */
  get(id: string): Conversation | undefined {
    return this.#items.value.find((item) => item.id === id) ?? this.#others.value.get(id);
  }

  /** Reads a conversation that the list does not show. */
  async ensure(id: string): Promise<void> {
    if (this.#state.peek() === "loading" || this.get(id)) return;
    try {
      this.upsert(await this.#api.conversation(id));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  async patch(id: string, body: PatchConversationBody): Promise<void> {
    const before = this.get(id);
    if (before) this.upsert({ ...before, ...body });
    try {
      this.upsert(await this.#api.patchConversation(id, body));
    } catch (error) {
      if (before) this.upsert(before);
      throw error;
    }
  }

  async delete(id: string): Promise<void> {
    try {
      await this.#api.deleteConversation(id);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "not_found") throw error;
    }
    this.remove(id);
  }

  upsert(conversation: Conversation): void {
    const items = this.#items.peek();
    const oldest = items.at(-1);
    const isListed = items.some((item) => item.id === conversation.id);
    const isBeyond =
      this.#cursor !== null && oldest !== undefined && compare(oldest, conversation) < 0;
    if (!isListed && isBeyond) {
      this.#others.value = new Map(this.#others.peek()).set(conversation.id, conversation);
      return;
    }
    this.#items.value = merge([conversation], items);
  }

  /** Moves a conversation to the top at once when something is asked in it. */
  touch(id: string, preview: string): void {
    const known = this.get(id);
    if (!known) return;
    const line = preview.slice(0, 200).replace(/\s+/g, " ");
    this.upsert({ ...known, preview: line, updatedAt: new Date().toISOString() });
  }

  remove(id: string): void {
    this.#items.value = this.#items.peek().filter((item) => item.id !== id);
    const others = new Map(this.#others.peek());
    if (others.delete(id)) this.#others.value = others;
  }

  receive(event: SocketEvent): void {
    if (event.type === "conversation.created" || event.type === "conversation.updated") {
      this.upsert(event.conversation);
    } else if (event.type === "conversation.deleted") {
      this.remove(event.conversationId);
      this.#setBusy(event.conversationId, false);
    } else if (event.type === "answer") {
      const { type } = event.event;
      if (type === "started") this.#setBusy(event.conversationId, true);
      if (type === "done" || type === "error") this.#setBusy(event.conversationId, false);
    }
  }

  /** The socket was away, so nobody knows which answers still run. */
  forgetBusy(): void {
    this.#busy.value = new Set();
  }

  clear(): void {
    this.#items.value = [];
    this.#others.value = new Map();
    this.#state.value = "loading";
    this.#setCursor(null);
    this.forgetBusy();
  }

  #setBusy(id: string, isBusy: boolean): void {
    if (this.#busy.peek().has(id) === isBusy) return;
    const busy = new Set(this.#busy.peek());
    if (isBusy) busy.add(id);
    else busy.delete(id);
    this.#busy.value = busy;
  }

  #setCursor(cursor: string | null): void {
    this.#cursor = cursor;
    this.#hasMore.value = cursor !== null;
  }
}

/** Newest activity first; the id decides between equals. */
function compare(a: Conversation, b: Conversation): number {
  const [first, second] = [`${b.updatedAt}${b.id}`, `${a.updatedAt}${a.id}`];
  return first < second ? -1 : first > second ? 1 : 0;
}

/** Both lists in order, each conversation once; the first list's version counts. */
function merge(first: readonly Conversation[], second: readonly Conversation[]): Conversation[] {
  const ids = new Set(first.map((item) => item.id));
  return [...first, ...second.filter((item) => !ids.has(item.id))].sort(compare);
}
