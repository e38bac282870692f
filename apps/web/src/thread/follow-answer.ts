import type { StreamEvent } from "@peregrine/protocol";
import { SseParser } from "@peregrine/protocol/sse";
import { ApiError } from "../api/api-error.ts";
import { backOffMs, pause } from "../live/back-off.ts";

type Open = (signal: AbortSignal) => Promise<Response>;

export type FollowOptions = {
  /** Asks or regenerates: its response is the stream. Left out, the answer is attached to. */
  first?: Open;
  /** Opens the stream of an answer behind an event, or from its start. */
  attach: (
    messageId: string,
    lastEventId: number | undefined,
    signal: AbortSignal,
  ) => Promise<Response>;
  /** The answer, where it is known before the stream says so. */
  messageId?: string;
  /** How much of the text is there already. */
  textLength?: number;
  /** Called for each event once and in order; a delta's text is only what is new of it. */
  onEvent: (event: StreamEvent) => void;
  random?: () => number;
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
};

/**
 * Follows one answer to its end over as many connections as it takes. Event ids are text offsets
 * (see the protocol's stream events), so after a break it attaches behind the last event and drops
 * what it has seen already: nothing comes twice and nothing is missing.
 *
 * `run` resolves after `done` or `error`, or after {@link AnswerFollower.close}. It rejects with an
 * {@link ApiError} where following cannot go on: the question was refused; the connection broke
 * before the answer's id was known, so that nobody can say whether the question arrived; the answer
 * is gone. Everything else is retried, with a growing wait.
 */
export class AnswerFollower {
  readonly #options: FollowOptions;
  readonly #closed = new AbortController();
  #connection = new AbortController();
  #messageId: string | undefined;
  #textLength: number;
  #lastEventId: number | undefined;
  #failures = 0;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#messageId = options.messageId;
    this.#textLength = options.textLength ?? 0;
    this.#lastEventId = this.#textLength > 0 ? this.#textLength : undefined;
  }

  /** Where the text ends that has been given out, in UTF-16 code units. */
  get textLength(): number {
    return this.#textLength;
  }

  async run(): Promise<void> {
    const { signal } = this.#closed;
    const wait = this.#options.wait ?? pause;
    let open = this.#options.first;
    while (!signal.aborted) {
      let error: unknown;
      try {
        if (await this.#read(open ?? this.#attach)) return;
      } catch (caught) {
        error = caught;
      }
      if (signal.aborted) return;
      if (error instanceof ApiError && !error.retryable) throw error;
      if (this.#messageId === undefined) {
        throw error instanceof ApiError ? error : ApiError.network(error);
      }
      open = undefined;
      const retryAfterMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
      const backOff = backOffMs(this.#failures++, this.#options.random ?? Math.random);
      await wait(Math.max(retryAfterMs, backOff), this.#connection.signal);
    }
  }

  /** Drops the connection, or the wait for the next one, and opens another at once. */
  reconnect(): void {
    if (this.#messageId === undefined) return;
    this.#failures = 0;
    this.#connection.abort();
  }

  close(): void {
    this.#closed.abort();
    this.#connection.abort();
  }

  readonly #attach: Open = (signal) =>
    this.#options.attach(this.#messageId as string, this.#lastEventId, signal);

  /** @returns whether the answer has ended. */
  async #read(open: Open): Promise<boolean> {
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    const response = await open(signal);
    const reader = response.body?.getReader();
    if (!reader) throw new ApiError("bad_response", "The server sent an empty stream.");
    const parser = new SseParser();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done || signal.aborted) return false;
        for (const { data, id } of parser.push(value)) {
          this.#failures = 0;
          if (this.#take(JSON.parse(data) as StreamEvent, Number(id))) return true;
        }
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /** @returns whether this was the last event. */
  #take(event: StreamEvent, id: number): boolean {
    if (event.type === "started") {
      this.#messageId = event.messageId;
      if (this.#lastEventId === undefined) this.#emit(event, id);
      return false;
    }
    if (event.type === "delta") {
      const start = id - event.text.length;
      if (start > this.#textLength) throw new Error(`text missing before event ${id}`);
      const text = event.text.slice(this.#textLength - start);
      if (text === "") return false;
      this.#textLength = id;
      this.#emit({ type: "delta", text }, id);
      return false;
    }
    if (this.#lastEventId === undefined || id > this.#lastEventId) this.#emit(event, id);
    return event.type === "done" || event.type === "error";
  }

  #emit(event: StreamEvent, id: number): void {
    this.#lastEventId = id;
    this.#options.onEvent(event);
  }
}
