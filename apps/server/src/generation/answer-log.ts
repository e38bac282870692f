import assert from "node:assert";
import type { StreamEvent, Usage } from "@peregrine/protocol";
import type { FrameClock } from "./frame-clock.ts";
import { encodeEvent } from "./sse-encoding.ts";

type StartedEvent = Extract<StreamEvent, { type: "started" }>;
type LastEvent = Extract<StreamEvent, { type: "done" | "error" }>;

/** An event with its id, and its wire form where that is at hand. */
export type LoggedEvent = { id: number; event: StreamEvent; bytes: Uint8Array };

/** Told that there is more to read, or that the log has ended. */
export type Follower = { wake(): void };

/**
 * The numbered events of one answer while it is written. It outlives the connections that read it.
 *
 * Ids are offsets into the text (see `StreamEvent` in the protocol). Deltas are gathered into
 * frames; a frame is encoded once for all who follow closely, and one who is further behind gets
 * all it missed as a single delta. So a slow reader costs no buffer of its own: it is a number.
 *
 * States: open, then ended by exactly one `done` or `error`. Holds the whole text; its length is
 * bounded by whoever appends.
 */
export class AnswerLog {
  readonly started: StartedEvent;
  readonly userId: string;
  readonly #clock: FrameClock;
  readonly #onFrame: (frame: LoggedEvent) => void;
  readonly #followers = new Set<Follower>();
  /** Frames that were sent, and where each begins. */
  readonly #frames: string[] = [];
  readonly #starts: number[] = [];
  #lastFrame: LoggedEvent | undefined;
  #framedLength = 0;
  /** Text of the frame that is still open. */
  #open = "";
  #isWaiting = false;
  #lastFlushMs = Number.NEGATIVE_INFINITY;
  #tail: LoggedEvent[] = [];
  #hasEnded = false;

  /** @param onFrame called for each event after `started`, once, as it goes out */
  constructor(
    started: StartedEvent,
    userId: string,
    clock: FrameClock,
    onFrame: (frame: LoggedEvent) => void,
  ) {
    this.started = started;
    this.userId = userId;
    this.#clock = clock;
    this.#onFrame = onFrame;
  }

  /** Length of the text so far, in UTF-16 code units. */
  get length(): number {
    return this.#framedLength + this.#open.length;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get followerCount(): number {
    return this.#followers.size;
  }

  /** The whole text so far. */
  text(): string {
    return this.#frames.join("") + this.#open;
  }

  /** What has gone out in frames. */
  sentText(): string {
    return this.#frames.join("");
  }

  /** Adds text of the model. It goes out with its frame. */
  append(text: string): void {
    assert(!this.#hasEnded, "an ended answer cannot grow");
    if (text === "") return;
    this.#open += text;
    if (!this.#isWaiting) this.#isWaiting = this.#clock.schedule(this, this.#lastFlushMs);
  }

  /** Ends the log. What is still in the open frame goes out first. */
  end(last: LastEvent, usage: Usage | null): void {
    assert(!this.#hasEnded, "an answer ends once");
    this.flush(this.#clock.now());
    this.#hasEnded = true;
    this.#tail = tailEvents(this.#framedLength, last, usage);
    for (const entry of this.#tail) this.#onFrame(entry);
    for (const follower of this.#followers) follower.wake();
  }

  /** Closes the open frame; called by the frame clock. */
  flush(nowMs: number): void {
    this.#isWaiting = false;
    if (this.#open === "" || this.#hasEnded) return;
    this.#frames.push(this.#open);
    this.#starts.push(this.#framedLength);
    this.#framedLength += this.#open.length;
    this.#lastFrame = deltaEvent(this.#framedLength, this.#open);
    this.#open = "";
    this.#lastFlushMs = nowMs;
    this.#onFrame(this.#lastFrame);
    for (const follower of this.#followers) follower.wake();
  }

  /**
   * Everything that went out after event `afterId` (-1 for all), oldest first. Deltas that were
   * missed come as one.
   */
  after(afterId: number): LoggedEvent[] {
    const events: LoggedEvent[] = [];
    if (afterId < 0) {
      events.push({ id: 0, event: this.started, bytes: encodeEvent(0, this.started) });
    }
    const from = Math.max(0, afterId);
    if (from < this.#framedLength) {
      const isNext = this.#lastFrame && this.#starts.at(-1) === from;
      events.push(
        isNext
          ? (this.#lastFrame as LoggedEvent)
          : deltaEvent(this.#framedLength, this.#textFrom(from)),
      );
    }
    for (const entry of this.#tail) if (entry.id > afterId) events.push(entry);
    return events;
  }

  /** @returns how to stop following */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  #textFrom(offset: number): string {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    const first = this.#frames[low] as string;
    const rest = this.#frames.slice(low + 1).join("");
    return first.slice(offset - (this.#starts[low] as number)) + rest;
  }
}

function deltaEvent(id: number, text: string): LoggedEvent {
  const event: StreamEvent = { type: "delta", text };
  return { id, event, bytes: encodeEvent(id, event) };
}

function tailEvents(length: number, last: LastEvent, usage: Usage | null): LoggedEvent[] {
  const events: { id: number; event: StreamEvent }[] = [];
  if (usage) events.push({ id: length + 1, event: { type: "usage", ...usage } });
  events.push({ id: length + 2, event: last });
  return events.map((entry) => ({ ...entry, bytes: encodeEvent(entry.id, entry.event) }));
}

/**
 * The events of an answer that has ended, made again from what was saved.
 *
 * @param afterId the last event the client has; it still gets the end if it claims to have more
 *   than was saved, as happens after a crash
 */
export function replayEvents(
  started: StartedEvent,
  text: string,
  last: LastEvent,
  usage: Usage | null,
  afterId: number,
): LoggedEvent[] {
  const events: LoggedEvent[] = [];
  if (afterId < 0) events.push({ id: 0, event: started, bytes: encodeEvent(0, started) });
  const from = Math.max(0, afterId);
  if (from < text.length) events.push(deltaEvent(text.length, text.slice(from)));
  const tail = tailEvents(text.length, last, usage);
  const unseen = tail.filter((entry) => entry.id > afterId);
  if (unseen.length > 0) return events.concat(unseen);
  const id = afterId + 1;
  return events.concat({ id, event: last, bytes: encodeEvent(id, last) });
}
