import type { SocketEvent } from "@peregrine/protocol";
import { Thread, type ThreadOptions } from "./thread.ts";

/** How many conversations stay in memory, so that going back to one shows it at once. */
const KEPT = 6;

/** The threads of this page. One is open at a time; the least recently opened ones are let go. */
export class Threads {
  readonly #options: Omit<ThreadOptions, "onCreated">;
  readonly #onCreated: (id: string) => void;
  readonly #byId = new Map<string, Thread>();
  #fresh: Thread | undefined;
  #current: Thread | undefined;
  #messageId: string | null = null;

  constructor(options: Omit<ThreadOptions, "onCreated">, onCreated: (id: string) => void) {
    this.#options = options;
    this.#onCreated = onCreated;
  }

  get current(): Thread | undefined {
    return this.#current;
  }

  /**
   * The thread of a conversation, or of a new one, which becomes the open one: at a message, or
   * without one at its end.
   */
  open(id: string | null, messageId: string | null = null): Thread {
    const thread = (id === null ? this.#fresh : this.#byId.get(id)) ?? this.#create(id);
    if (id !== null) {
      this.#byId.delete(id);
      this.#byId.set(id, thread);
    }
    if (thread !== this.#current) {
      this.#current?.close();
      this.#current = thread;
      thread.open(messageId);
      this.#letGo();
    } else if (messageId !== this.#messageId) {
      thread.show(messageId);
    }
    this.#messageId = messageId;
    return thread;
  }

  /** No conversation is in view. */
  closeCurrent(): void {
    this.#current?.close();
    this.#current = undefined;
  }

  receive(event: SocketEvent): void {
    if (event.type === "message.created" || event.type === "message.updated") {
      this.#byId.get(event.message.conversationId)?.receive(event);
    } else if (event.type === "answer") {
      this.#byId.get(event.conversationId)?.receive(event);
    } else if (event.type === "conversation.deleted") {
      this.forget(event.conversationId);
    }
  }

  forget(id: string): void {
    this.#byId.get(id)?.dispose();
    this.#byId.delete(id);
  }

  reconnect(): void {
    this.#current?.reconnect();
  }

  /** Reads what may have changed unheard in the open conversation; others are read when they are opened. */
  async catchUp(): Promise<void> {
    await this.#current?.catchUp();
  }

  /** Signed out: nothing of that user stays. */
  clear(): void {
    for (const thread of this.#byId.values()) thread.dispose();
    this.#byId.clear();
    this.#fresh?.dispose();
    this.#fresh = undefined;
    this.#current = undefined;
  }

  #create(id: string | null): Thread {
    const thread = new Thread(id, {
      ...this.#options,
      onCreated: (created, newId) => {
        this.#byId.set(newId, created);
        if (this.#fresh === created) this.#fresh = undefined;
        if (this.#current === created) this.#onCreated(newId);
      },
    });
    if (id === null) this.#fresh = thread;
    else this.#byId.set(id, thread);
    return thread;
  }

  #letGo(): void {
    for (const [id, thread] of this.#byId) {
      if (this.#byId.size <= KEPT) return;
      if (thread === this.#current || thread.sending.peek()) continue;
      thread.dispose();
      this.#byId.delete(id);
    }
  }
}
