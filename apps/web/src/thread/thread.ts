import type { Message, SocketEvent, StreamEvent, User } from "@peregrine/protocol";
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { ApiError, describeError } from "../api/api-error.ts";
import type { ConversationList } from "../conversations/conversation-list.ts";
import { Attachments } from "../files/attachments.ts";
import { AnswerFollower, type FollowOptions } from "./follow-answer.ts";
import { localMessage } from "./local-message.ts";
import type { Frames, MessageEntry } from "./message-entry.ts";
import { MessageList } from "./message-list.ts";
import { MessageSpan } from "./message-span.ts";

export type ThreadOptions = {
  api: Api;
  conversations: ConversationList;
  frames: Frames;
  user: () => User | null;
  announce: (text: string) => void;
  /** Called once the conversation of a new thread exists. */
  onCreated: (thread: Thread, id: string) => void;
};

type MessageEvent = Extract<
  SocketEvent,
  { type: "message.created" | "message.updated" | "answer" }
>;

/**
 * One conversation on the screen: its messages, loading them, asking, and following answers. A
 * thread without an id is a new conversation; the first question creates it.
 *
 * While a question is on its way (`sending`), what the socket tells of this conversation waits: it
 * may be about that very question, whose id is not known before the stream's first event. So it
 * does while messages are on their way, which may have been read before it happened.
 */
export class Thread {
  readonly id: ReadonlySignal<string | null>;
  readonly messages: MessageList;
  readonly span: MessageSpan;
  /** What goes with the next question. */
  readonly attachments: Attachments;
  readonly sending: ReadonlySignal<boolean>;
  /** What went wrong with the last action, in words; shown until the next one. */
  readonly notice: Signal<string | null> = signal(null);
  readonly answering: ReadonlySignal<boolean>;
  readonly stopping: Signal<boolean> = signal(false);

  readonly #options: ThreadOptions;
  readonly #id: Signal<string | null>;
  readonly #sending: Signal<boolean> = signal(false);
  readonly #followers = new Map<MessageEntry, AnswerFollower>();
  #waiting: MessageEvent[] = [];
  #isOpen = false;

  constructor(id: string | null, options: ThreadOptions) {
    this.#options = options;
    this.#id = signal(id);
    this.id = this.#id;
    this.sending = this.#sending;
    this.messages = new MessageList(options.frames);
    this.span = new MessageSpan({
      messages: this.messages,
      isNew: id === null,
      fetch: (place) => {
        const conversationId = this.#id.peek();
        return conversationId === null ? null : options.api.messages(conversationId, place);
      },
      isHeld: () => this.#sending.peek(),
      onLeave: () => this.#unfollow(),
      onLoaded: () => this.#followRunning(),
      onRest: () => this.#takeWaiting(),
    });
    this.attachments = new Attachments(options.api);
    this.answering = computed(() => {
      const last = this.messages.entries.value.at(-1);
      const isNewest = this.span.newerCursor.value === null;
      return this.#sending.value || (isNewest && last?.message.value.status === "running");
    });
  }

  /**
   * Comes into view, at a message or at the end: reads what is new, and follows a running answer
   * from where it was.
   */
  open(messageId: string | null = null): void {
    this.#isOpen = true;
    this.show(messageId);
  }

  /** Goes to a message, or to the end. */
  show(messageId: string | null): void {
    const go = async () => {
      if (messageId === null) return this.span.showNewest();
      const end = await this.span.showMessage(messageId);
      if (end === "missing") this.notice.value = "That message is no longer here.";
    };
    go().catch((error) => this.#fail(error));
  }

  /** Goes out of view: nobody here follows its answers any more; they go on without. */
  close(): void {
    this.#isOpen = false;
    this.#unfollow();
  }

  dispose(): void {
    this.#isOpen = false;
    for (const follower of this.#followers.values()) follower.close();
    this.messages.dispose();
    this.attachments.dispose();
  }

  /**
   * Asks, with the files that are attached, and follows the answer to its end. `onAccepted` is called as soon as the server has the
   * question. @returns whether it ever had it; if not, the text belongs to the writer.
   */
  async ask(content: string, onAccepted: () => void = () => {}): Promise<boolean> {
    if (!this.span.isAtNewest && !(await this.#goToNewest())) return false;
    if (this.answering.peek()) {
      this.notice.value = "An answer is still being written. Wait for it, or stop it first.";
      return false;
    }
    this.#begin();
    const user = this.#options.user();
    const conversationId = this.#id.peek();
    const attached = this.attachments.take();
    const question = this.messages.create(
      localMessage("user", {
        conversationId,
        content,
        files: attached.files,
        author: user && { id: user.id, name: user.name },
      }),
    );
    const answer = this.messages.create(localMessage("assistant", { conversationId, content: "" }));
    this.messages.append(question, answer);
    const first = async (signal: AbortSignal) => {
      const id = await this.#ensureConversation();
      this.#options.conversations.touch(id, content);
      const fileIds = attached.files.map((file) => file.id);
      const body = fileIds.length === 0 ? { content } : { content, fileIds };
      return this.#options.api.ask(id, body, signal);
    };
    try {
      await this.#follow(answer, first, (started) => {
        question.patch({ id: started.questionId, conversationId: started.conversationId });
        attached.done();
        onAccepted();
      });
      return true;
    } catch (error) {
      if (!question.isLocal) {
        this.#fail(error);
        return true;
      }
      this.messages.remove(question, answer);
      this.#end();
      const isAccepted = await this.#explainRefusal(error, content);
      if (isAccepted) {
        attached.done();
        onAccepted();
      } else attached.giveBack();
      return isAccepted;
    }
  }

  async regenerate(entry: MessageEntry): Promise<void> {
    if (this.answering.peek()) return;
    this.#begin();
    const { id } = entry;
    const fresh = this.messages.create(
      localMessage("assistant", { conversationId: this.#id.peek(), content: "" }),
    );
    this.messages.replace(entry, fresh);
    try {
      await this.#follow(fresh, (signal) => this.#options.api.regenerate(id, signal));
    } catch (error) {
      if (!fresh.isLocal) return this.#fail(error);
      this.messages.replace(fresh, entry);
      this.#end();
      this.#fail(error);
      await this.#refreshQuietly();
    }
  }

  async stop(): Promise<void> {
    const last = this.messages.last;
    if (!last?.isRunning || last.isLocal || this.stopping.peek()) return;
    this.stopping.value = true;
    try {
      await this.#options.api.stop(last.id);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.stopping.value = false;
    }
  }

  /** What the socket tells of this conversation. */
  receive(event: MessageEvent): void {
    if (this.#sending.peek() || this.span.isReading) {
      this.#waiting.push(event);
      return;
    }
    if (this.span.load.peek() !== "ready") return;
    if (event.type !== "answer") {
      const replaces = event.type === "message.created" ? event.replaces : undefined;
      // Between what is loaded and the newest others are missing: it comes with them.
      if (!this.span.isAtNewest && !this.#has(event.message.id, replaces)) return;
      const entry = this.messages.upsert(event.message, replaces);
      if (entry && !entry.isRunning) this.#followers.get(entry)?.close();
    } else if (event.event.type === "started" && !this.messages.find(event.messageId)) {
      this.span.refresh().catch((error) => this.#fail(error));
      return;
    }
    this.#followRunning();
  }

  /** The network came back: connections that look alive may be dead. */
  reconnect(): void {
    for (const follower of this.#followers.values()) follower.reconnect();
  }

  /** Reads what may have changed unheard. @throws ApiError */
  catchUp(): Promise<void> {
    return this.span.refresh();
  }

  #has(...ids: (string | undefined)[]): boolean {
    return ids.some((id) => id !== undefined && this.messages.find(id) !== undefined);
  }

  async #goToNewest(): Promise<boolean> {
    try {
      await this.span.showNewest();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  async #ensureConversation(): Promise<string> {
    const known = this.#id.peek();
    if (known !== null) return known;
    const conversation = await this.#options.api.createConversation({});
    this.#id.value = conversation.id;
    this.#options.conversations.upsert(conversation);
    this.#options.onCreated(this, conversation.id);
    return conversation.id;
  }

  #unfollow(): void {
    for (const [entry, follower] of this.#followers) if (!entry.isLocal) follower.close();
  }

  #followRunning(): void {
    if (!this.#isOpen) return;
    for (const entry of this.messages.entries.peek()) {
      if (!entry.isRunning || entry.isLocal || this.#followers.has(entry)) continue;
      this.#follow(entry).catch((error) => this.#fail(error));
    }
  }

  async #follow(
    entry: MessageEntry,
    first?: FollowOptions["first"],
    onStarted?: (event: Extract<StreamEvent, { type: "started" }>) => void,
  ): Promise<void> {
    const follower = new AnswerFollower({
      attach: (id, lastEventId, signal) => this.#options.api.attach(id, lastEventId, signal),
      ...(first ? { first } : { messageId: entry.id }),
      textLength: entry.textLength,
      onEvent: (event) => {
        entry.receive(event);
        if (event.type === "started") {
          onStarted?.(event);
          this.#options.announce("Answer started");
          if (first) this.#end();
          if (!this.#isOpen) follower.close();
        }
        if (event.type === "done" || event.type === "error")
          this.#announceEnd(entry.message.peek());
      },
    });
    this.#followers.set(entry, follower);
    try {
      await follower.run();
    } finally {
      this.#followers.delete(entry);
    }
  }

  #announceEnd({ status }: Message): void {
    if (status === "complete") this.#options.announce("Answer finished");
    else this.#options.announce(status === "stopped" ? "Answer stopped" : "Answer interrupted");
  }

  #begin(): void {
    this.notice.value = null;
    this.#sending.value = true;
  }

  #end(): void {
    this.#sending.value = false;
    if (this.span.isStale) this.span.refresh().catch((error) => this.#fail(error));
    else this.#takeWaiting();
  }

  #takeWaiting(): void {
    if (this.#sending.peek() || this.span.isReading) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const event of waiting) this.receive(event);
  }

  /** Where the connection broke before the answer began: look whether the question is there. */
  async #explainRefusal(error: unknown, content: string): Promise<boolean> {
    if (error instanceof ApiError && error.status === 0 && this.#id.peek() !== null) {
      const before = this.messages.newestId ?? "";
      await this.#refreshQuietly();
      const arrived = this.messages.entries
        .peek()
        .some(
          ({ id, message }) =>
            id > before && message.peek().role === "user" && message.peek().content === content,
        );
      if (arrived) return true;
    }
    this.#fail(error);
    if (error instanceof ApiError && error.code === "answer_running") await this.#refreshQuietly();
    return false;
  }

  /** Where something has failed already, and has been told. */
  async #refreshQuietly(): Promise<void> {
    await this.span.refresh().catch(() => {});
  }

  #fail(error: unknown): void {
    if (error instanceof ApiError && error.code === "unauthenticated") return;
    this.notice.value =
      error instanceof ApiError && error.code === "answer_running"
        ? "An answer is still being written here. Wait for it, or stop it first."
        : describeError(error);
  }
}
