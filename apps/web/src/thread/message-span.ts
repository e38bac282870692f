import type { MessageListBody } from "@peregrine/protocol";
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { MessagePlace } from "../api/api.ts";
import { ApiError } from "../api/api-error.ts";
import type { MessageEntry } from "./message-entry.ts";
import type { MessageList } from "./message-list.ts";

export type MessageSpanOptions = {
  messages: MessageList;
  isNew: boolean;
  /** Reads a page; null where there is no conversation yet. */
  fetch: (place: MessagePlace) => Promise<MessageListBody> | null;
  /** While true, what is shown stays as it is: a question is on its way. */
  isHeld: () => boolean;
  /** Called before other messages take the place of those that are loaded. */
  onLeave: () => void;
  onLoaded: () => void;
  /** Called when nothing is on its way any more, whether it came or not. */
  onRest: () => void;
};

type LoadState = "loading" | "ready" | "failed" | "missing";
type Growth = "idle" | "loading" | "failed";

/**
 * The part of a conversation that this page has: one piece without a hole, at the newest messages or
 * around one that was looked for. It grows at both ends, page by page. Only where it reaches to the
 * newest (`newerCursor` is null) does what is new belong to it.
 */
export class MessageSpan {
  readonly load: ReadonlySignal<LoadState>;
  readonly older: Signal<Growth> = signal("idle");
  readonly newer: Signal<Growth> = signal("idle");
  readonly olderCursor: ReadonlySignal<string | null>;
  readonly newerCursor: ReadonlySignal<string | null>;
  /** The message that was looked for: an object of its own each time. */
  readonly target: ReadonlySignal<{ entry: MessageEntry } | null>;
  /** Another object each time that other messages took the place of all that were there. */
  readonly piece: ReadonlySignal<object>;
  readonly #options: MessageSpanOptions;
  readonly #load: Signal<LoadState>;
  readonly #olderCursor: Signal<string | null> = signal(null);
  readonly #newerCursor: Signal<string | null> = signal(null);
  readonly #target: Signal<{ entry: MessageEntry } | null> = signal(null);
  readonly #piece: Signal<object> = signal({});
  /** The message to be shown, until what is around it is loaded. */
  #wanted: string | null = null;
  #reads = 0;
  #newestRead = 0;
  #underWay = 0;
  #isStale = false;

  constructor(options: MessageSpanOptions) {
    this.#options = options;
    this.#load = signal(options.isNew ? "ready" : "loading");
    this.load = this.#load;
    this.olderCursor = this.#olderCursor;
    this.newerCursor = this.#newerCursor;
    this.target = this.#target;
    this.piece = this.#piece;
  }

  /** Whether it reaches to the newest message. */
  get isAtNewest(): boolean {
    return this.#newerCursor.peek() === null;
  }

  /**
   * Goes to a message. While a question is on its way, it stays where it is.
   * @throws ApiError where what is shown stays; `load` tells it where nothing is
   */
  async showMessage(id: string): Promise<"shown" | "missing"> {
    if (this.#options.isHeld()) return "shown";
    this.#wanted = id;
    await this.refresh();
    const isThere = this.#options.messages.find(id) !== undefined;
    return isThere || this.#load.peek() !== "ready" ? "shown" : "missing";
  }

  /** Goes to the newest messages. @throws ApiError */
  async showNewest(): Promise<void> {
    if (this.#options.isHeld()) return;
    this.#wanted = null;
    this.#target.value = null;
    if (this.isAtNewest) return this.refresh();
    const fetching = this.#options.fetch({});
    if (!fetching) return;
    await this.#read(async () => {
      const page = await fetching;
      if (this.isAtNewest) return;
      batch(() => this.#startAnew(page, null));
      this.#options.onLoaded();
    });
  }

  /** Whether messages are on their way that may be from before what is told meanwhile. */
  get isReading(): boolean {
    return this.#underWay > 0;
  }

  /** Whether it could not be read again when it was to be, since a question was on its way. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /**
   * Reads the newest messages again, or what is around the one that is to be shown. A span that does
   * not reach to the newest stays as it is. Of several that run at once, the one that began last
   * counts.
   * @throws ApiError where what is shown stays; `load` tells it where nothing is
   */
  async refresh(): Promise<void> {
    this.#isStale = this.#options.isHeld();
    if (this.#isStale) return;
    if (this.#wanted !== null) this.#aim(this.#wanted);
    const wanted = this.#wanted;
    if (wanted === null && !this.isAtNewest) return;
    const fetching = this.#options.fetch(wanted === null ? {} : { around: wanted });
    if (!fetching) return;
    if (this.#load.peek() !== "ready") this.#load.value = "loading";
    const read = ++this.#reads;
    await this.#read(async () => {
      try {
        const page = await fetching;
        if (wanted !== this.#wanted || read < this.#newestRead) return;
        this.#isStale = this.#options.isHeld();
        if (this.#isStale) return;
        this.#newestRead = read;
        batch(() => {
          if (wanted === null) this.#mergeNewest(page);
          else this.#startAnew(page, wanted);
          this.#load.value = "ready";
        });
        this.#options.onLoaded();
      } catch (error) {
        if (error instanceof ApiError && error.code === "not_found") this.#load.value = "missing";
        else if (this.#load.peek() !== "ready") this.#load.value = "failed";
        else throw error;
      }
    });
  }

  async loadOlder(): Promise<void> {
    const cursor = this.#olderCursor.peek();
    if (cursor === null || this.older.peek() === "loading") return;
    this.older.value = "loading";
    try {
      const page = await this.#options.fetch({ cursor });
      if (page && this.#olderCursor.peek() === cursor) {
        this.#options.messages.prepend(page.messages);
        this.#olderCursor.value = page.nextCursor;
      }
      this.older.value = "idle";
    } catch {
      this.older.value = "failed";
    }
  }

  async loadNewer(): Promise<void> {
    const after = this.#newerCursor.peek();
    if (after === null || this.newer.peek() === "loading") return;
    this.newer.value = "loading";
    try {
      const page = await this.#options.fetch({ after });
      if (page && this.#newerCursor.peek() === after) {
        batch(() => {
          this.#options.messages.appendNewer(page.messages);
          this.#newerCursor.value = page.newerCursor ?? null;
        });
        // What was told while it was on its way did not belong here yet.
        if (this.isAtNewest) await this.refresh().catch(() => {});
      }
      this.newer.value = "idle";
    } catch {
      this.newer.value = "failed";
    }
  }

  async #read(work: () => Promise<void>): Promise<void> {
    this.#underWay++;
    try {
      await work();
    } finally {
      if (--this.#underWay === 0) this.#options.onRest();
    }
  }

  #mergeNewest(page: MessageListBody): void {
    const { messages } = this.#options;
    if (!messages.mergeNewest(page.messages)) this.#olderCursor.value = page.nextCursor;
  }

  #startAnew(page: MessageListBody, wanted: string | null): void {
    this.#options.onLeave();
    this.#options.messages.reset(page.messages);
    this.#piece.value = {};
    this.#olderCursor.value = page.nextCursor;
    this.#newerCursor.value = page.newerCursor ?? null;
    this.older.value = "idle";
    this.newer.value = "idle";
    this.#target.value = null;
    if (wanted !== null) this.#aim(wanted);
    this.#wanted = null;
  }

  #aim(messageId: string): void {
    const entry = this.#options.messages.find(messageId);
    if (!entry) return;
    this.#wanted = null;
    this.#target.value = { entry };
  }
}
