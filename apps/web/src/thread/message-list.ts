import type { Message } from "@peregrine/protocol";
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Frames, MessageEntry } from "./message-entry.ts";

/**
 * The messages of one conversation that this page has, oldest first and without a hole: the newest,
 * or those around one that was looked for. Ids are
 * time-ordered, so the order of ids is the order of messages; what the server does not know yet
 * stands at the end.
 */
export class MessageList {
  readonly entries: ReadonlySignal<readonly MessageEntry[]>;
  readonly #entries: Signal<readonly MessageEntry[]> = signal([]);
  readonly #frames: Frames;

  constructor(frames: Frames) {
    this.entries = this.#entries;
    this.#frames = frames;
  }

  find(id: string): MessageEntry | undefined {
    return this.#entries.peek().findLast((entry) => entry.id === id);
  }

  get last(): MessageEntry | undefined {
    return this.#entries.peek().at(-1);
  }

  /** The newest entry that the server knows. */
  get newestId(): string | undefined {
    return this.#entries.peek().findLast((entry) => !entry.isLocal)?.id;
  }

  create(message: Message): MessageEntry {
    return new MessageEntry(message, this.#frames);
  }

  append(...entries: MessageEntry[]): void {
    this.#entries.value = [...this.#entries.peek(), ...entries];
  }

  remove(...gone: MessageEntry[]): void {
    for (const entry of gone) entry.dispose();
    this.#entries.value = this.#entries.peek().filter((entry) => !gone.includes(entry));
  }

  replace(old: MessageEntry, by: MessageEntry): void {
    this.#entries.value = this.#entries.peek().map((entry) => (entry === old ? by : entry));
  }

  /** Puts the page before the oldest message in front. `messages` is newest first, as it comes. */
  prepend(messages: readonly Message[]): void {
    const known = new Set(this.#entries.peek().map((entry) => entry.id));
    const older = messages.filter((message) => !known.has(message.id)).reverse();
    this.#entries.value = [...older.map((m) => this.create(m)), ...this.#entries.peek()];
  }

  /** Puts the page that follows behind the newest message. `messages` is newest first. */
  appendNewer(messages: readonly Message[]): void {
    const newer = messages.filter((message) => !this.find(message.id)).reverse();
    this.append(...newer.map((message) => this.create(message)));
  }

  /** Starts anew with a page, newest first, from anywhere in the conversation. */
  reset(messages: readonly Message[]): void {
    this.dispose();
    this.#entries.value = messages.map((message) => this.create(message)).reverse();
  }

  /**
   * Takes in the newest page, newest first. What lies before it is kept where the page reaches back
   * to it; otherwise there would be a hole, and the page is all that is left.
   * @returns whether older messages were kept.
   */
  mergeNewest(messages: readonly Message[]): boolean {
    const page = messages.toReversed();
    const byId = new Map(this.#entries.peek().map((entry) => [entry.id, entry]));
    const oldest = page[0]?.id;
    const reaches = page.some((message) => byId.has(message.id));
    const isKept = (entry: MessageEntry) =>
      entry.isLocal || (reaches && oldest !== undefined && entry.id < oldest);
    const kept = this.#entries.peek().filter(isKept);
    const fresh = page.map((message) => {
      const entry = byId.get(message.id);
      entry?.update(message);
      return entry ?? this.create(message);
    });
    const next = [
      ...kept.filter((entry) => !entry.isLocal),
      ...fresh,
      ...kept.filter((entry) => entry.isLocal),
    ];
    for (const entry of this.#entries.peek()) if (!next.includes(entry)) entry.dispose();
    this.#entries.value = next;
    return reaches && kept.some((entry) => !entry.isLocal);
  }

  /**
   * Takes in one message that was made or changed elsewhere. `replaces` is the answer that it
   * stands in for. One that belongs before what is loaded is left for loading.
   */
  upsert(message: Message, replaces?: string): MessageEntry | undefined {
    const known = this.find(message.id);
    if (known) {
      known.update(message);
      if (replaces !== undefined && replaces !== message.id) this.#removeId(replaces);
      return known;
    }
    const entry = this.create(message);
    const old = replaces === undefined ? undefined : this.find(replaces);
    if (old) {
      old.dispose();
      this.replace(old, entry);
      return entry;
    }
    const entries = this.#entries.peek();
    const at = entries.findIndex((other) => other.isLocal || other.id > message.id);
    if (at === 0 && !entries[0]?.isLocal) return undefined;
    this.#entries.value = entries.toSpliced(at === -1 ? entries.length : at, 0, entry);
    return entry;
  }

  dispose(): void {
    for (const entry of this.#entries.peek()) entry.dispose();
  }

  #removeId(id: string): void {
    const entry = this.find(id);
    if (entry) this.remove(entry);
  }
}
