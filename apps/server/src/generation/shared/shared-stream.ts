import assert from "node:assert";
import type { Usage } from "@peregrine/protocol";
import type { FinishReason, ModelEvent } from "../../models/model.ts";

/** How an answer ended that was not cut short. */
export type AnswerEnd = { usage: Usage | null; finishReason: FinishReason };

/** How a stream ended. */
export type Outcome = { end: AnswerEnd } | { error: unknown };

/** Longest text of one delta, in UTF-16 code units. */
const maxPiece = 4096;

/**
 * The text of one answer while it is written, for any number of readers in this process. Each reads
 * it from the start and then as it comes.
 *
 * A reader is a position in the text and no more, so a slow one costs no buffer. The text is kept
 * once; its length is bounded by whoever appends.
 *
 * States: open, then settled by `end` or `fail`, which each reader is told after all of the text.
 */
export class SharedStream {
  readonly #onDeserted: () => void;
  readonly #pieces: string[] = [];
  readonly #watchers = new Set<() => void>();
  #readers = 0;
  #outcome: Outcome | undefined;

  /** @param onDeserted called when the last reader leaves a stream that is open */
  constructor(onDeserted: () => void) {
    this.#onDeserted = onDeserted;
  }

  get readerCount(): number {
    return this.#readers;
  }

  get pieceCount(): number {
    return this.#pieces.length;
  }

  /** Undefined while it is open. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** The text from a piece on; all of it by default. */
  text(fromPiece = 0): string {
    return this.#pieces.slice(fromPiece).join("");
  }

  append(text: string): void {
    assert(!this.#outcome, "a settled stream cannot grow");
    for (let from = 0; from < text.length; ) {
      const to = cutAt(text, from + maxPiece);
      this.#pieces.push(text.slice(from, to));
      from = to;
    }
    this.#wake();
  }

  end(end: AnswerEnd): void {
    this.#settle({ end });
  }

  fail(error: unknown): void {
    this.#settle({ error });
  }

  /** Calls `onChange` after each change. @returns how to stop that */
  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  }

  /** Reads from the start. Begun with the first `next()`; ends at once when `signal` aborts. */
  async *read(signal: AbortSignal): AsyncGenerator<ModelEvent> {
    signal.throwIfAborted();
    let wake = () => {};
    const unwatch = this.watch(() => wake());
    const abort = () => wake();
    signal.addEventListener("abort", abort, { once: true });
    this.#readers++;
    try {
      for (let next = 0; ; signal.throwIfAborted()) {
        if (next < this.#pieces.length) {
          const { text, to } = this.#take(next);
          next = to;
          yield { type: "delta", text };
        } else if (this.#outcome) {
          yield* lastEvents(this.#outcome);
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener("abort", abort);
      unwatch();
      this.#readers--;
      if (this.#readers === 0 && !this.#outcome) this.#onDeserted();
    }
  }

  /** Pieces in a row, as one. Whoever is close behind takes one, whoever is late takes many. */
  #take(from: number): { text: string; to: number } {
    let length = 0;
    let to = from;
    for (; to < this.#pieces.length; to++) {
      length += (this.#pieces[to] as string).length;
      if (length > maxPiece) break;
    }
    return { text: this.#pieces.slice(from, to).join(""), to };
  }

  #settle(outcome: Outcome): void {
    assert(!this.#outcome, "a stream is settled once");
    this.#outcome = outcome;
    this.#wake();
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

function* lastEvents(outcome: Outcome): Generator<ModelEvent> {
  if ("error" in outcome) throw outcome.error;
  const { usage, finishReason } = outcome.end;
  if (usage) yield { type: "usage", ...usage };
  yield { type: "end", finishReason };
}

/** Where to cut so that no pair of surrogates falls apart. */
function cutAt(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xd800 && unit <= 0xdbff ? at - 1 : at;
}
