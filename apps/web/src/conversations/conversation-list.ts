import type { Conversation, PatchConversationBody, SocketEvent } from "@peregrine/protocol";
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { ApiError } from "../api/api-error.ts";

/** More than this is read again as it is scrolled to. */
const MAX_REFRESHED = 500;

type ListState = "loading" | "ready" | "failed";

/** What became of conversations, by id; null for one that is gone. */
type Changes = Map<string, Conversation | null>;

/**
 * The user's conversations, newest activity first, as far as they are loaded. Conversations that
 * are open but lie further back are known as well ({@link ConversationList.get}) without standing
 * in the list.
 *
 * A page that is on its way may have been read before what the socket tells meanwhile, so that is
 * done to it again when it has come.
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
  /** Of each page that is on its way, what has changed since it was asked for. */
  readonly #unseen = new Set<Changes>();
  #cursor: string | null = null;
  #isLoading = false;
  #reads = 0;
  #newestRead = 0;

  constructor(api: Api) {
    this.#api = api;
    this.items = this.#items;
    this.state = this.#state;
    this.hasMore = this.#hasMore;
    this.busy = this.#busy;
  }

  /** Reads the list anew, keeping what is shown meanwhile and where that fails. */
  async reload(): Promise<void> {
    if (this.#items.peek().length === 0) this.#state.value = "loading";
    try {
      await this.refresh();
    } catch {
      if (this.#items.peek().length === 0) this.#state.value = "failed";
    }
  }

  /**
   * Reads the list anew as far down as it is loaded, up to {@link MAX_REFRESHED}. Of several that run
   * at once, the one that began last counts.
   * @throws ApiError
   */
  async refresh(): Promise<void> {
    const read = ++this.#reads;
    await this.#watch(async (changes) => {
      const wanted = Math.min(this.#items.peek().length, MAX_REFRESHED);
      let page = await this.#api.conversations();
      let { conversations } = page;
      while (page.nextCursor !== null && conversations.length < wanted) {
        page = await this.#api.conversations(page.nextCursor);
        conversations = merge(conversations, page.conversations);
      }
      if (read < this.#newestRead) return;
      this.#newestRead = read;
      batch(() => {
        this.#setCursor(page.nextCursor);
        this.#items.value = conversations;
        this.#state.value = "ready";
        this.#apply(changes);
      });
    });
  }

  /**
   * Reads everything anew that may have changed unheard: the list, and the open conversation where
   * it lies further back.
   * @throws ApiError
   */
  async catchUp(openId: string | null): Promise<void> {
    await this.refresh();
    const isBeyond = openId !== null && !this.#items.peek().some((item) => item.id === openId);
    for (const id of this.#others.peek().keys()) {
      if (id !== openId) this.#forgetOther(id);
    }
    if (!isBeyond) return;
    try {
      await this.#watch(async (changes) => {
        this.#put(await this.#api.conversation(openId));
        this.#apply(changes);
      });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "not_found") throw error;
      this.remove(openId);
    }
  }

  async loadMore(): Promise<void> {
    const cursor = this.#cursor;
    if (cursor === null || this.#isLoading) return;
    this.#isLoading = true;
    try {
      await this.#watch(async (changes) => {
        const page = await this.#api.conversations(cursor);
        if (this.#cursor !== cursor) return;
        batch(() => {
          this.#items.value = merge(this.#items.peek(), page.conversations);
          this.#setCursor(page.nextCursor);
          this.#apply(changes);
        });
      });
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
    for (const changes of this.#unseen) changes.set(conversation.id, conversation);
    this.#put(conversation);
  }

  /** Moves a conversation to the top at once when something is asked in it. */
  touch(id: string, preview: string): void {
    const known = this.get(id);
    if (!known) return;
    const line = preview.slice(0, 200).replace(/\s+/g, " ");
    this.upsert({ ...known, preview: line, updatedAt: new Date().toISOString() });
  }

  remove(id: string): void {
    for (const changes of this.#unseen) changes.set(id, null);
    this.#drop(id);
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
    } else if (event.type === "message.updated" && event.message.status !== "running") {
      // Of an answer whose server died, this is all that comes.
      this.#setBusy(event.message.conversationId, false);
    }
  }

  /** The socket was away, so nobody knows which answers still run. */
  forgetBusy(): void {
    this.#busy.value = new Set();
  }

  clear(): void {
    // What is on its way is not for whoever signs in next.
    this.#newestRead = ++this.#reads;
    this.#items.value = [];
    this.#others.value = new Map();
    this.#state.value = "loading";
    this.#setCursor(null);
    this.forgetBusy();
  }

  /** Runs what reads a page, with what changes until it has been taken in. */
  async #watch(read: (changes: Changes) => Promise<void>): Promise<void> {
    const changes: Changes = new Map();
    this.#unseen.add(changes);
    try {
      await read(changes);
    } finally {
      this.#unseen.delete(changes);
    }
  }

  #apply(changes: Changes): void {
    for (const [id, conversation] of changes) {
      if (conversation === null) this.#drop(id);
      else this.#put(conversation);
    }
  }

  #put(conversation: Conversation): void {
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

  #drop(id: string): void {
    this.#items.value = this.#items.peek().filter((item) => item.id !== id);
    this.#forgetOther(id);
  }

  #forgetOther(id: string): void {
    const others = new Map(this.#others.peek());
    if (others.delete(id)) this.#others.value = others;
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
