import type { Model, ModelEvent, ModelRequest } from "../models/model.ts";

/**
 * An answer that a model was asked for, before there is anybody to read it: its first event is
 * waited for from the start, and nothing is read beyond that until somebody reads. What fails is
 * told to the reader.
 *
 * Whoever makes one reads `events` to the end, or drops it: a model goes on for as long as nobody
 * says that the answer is not wanted.
 */
export class AskedModel {
  /** Ends the answer, which then throws the reason. */
  readonly abort = new AbortController();
  readonly #events: AsyncGenerator<ModelEvent>;
  #first: Promise<IteratorResult<ModelEvent>> | undefined;

  /** @param request puts together what is asked; called at once */
  constructor(model: Model, request: () => Promise<ModelRequest>) {
    this.#events = ask(model, request, this.abort.signal);
    this.#first = this.#events.next();
    this.#first.catch(() => {}); // for the reader, if there will be one
  }

  /** For one reader. */
  get events(): AsyncIterable<ModelEvent> {
    const next = () => {
      const first = this.#first ?? this.#events.next();
      this.#first = undefined;
      return first;
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: () => this.#events.return(null) }) };
  }

  /** Leaves the model, for an answer that nobody will read. */
  drop(): void {
    this.abort.abort(new Error("the answer is not wanted"));
    // Also where its first event has come, and it waits to be asked for the next.
    this.#events.return(null).catch(() => {});
  }
}

async function* ask(
  model: Model,
  request: () => Promise<ModelRequest>,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  yield* model.stream(await request(), signal);
}
