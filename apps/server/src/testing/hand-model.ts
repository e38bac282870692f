import type { Log } from "@peregrine/process";
import type { AnswerCache, CachedAnswer } from "../generation/shared/answer-cache.ts";
import { keyText } from "../generation/shared/request-key.ts";
import type { Model, ModelEvent, ModelRequest } from "../models/model.ts";

/** A model whose every answer is written by hand. */
export class HandModel implements Model {
  readonly calls: Call[] = [];

  async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    signal.throwIfAborted();
    const call = new Call(request, signal);
    this.calls.push(call);
    yield* call.events();
  }

  last(): Call {
    const call = this.calls.at(-1);
    if (!call) throw new Error("the model was not asked");
    return call;
  }
}

export class Call {
  readonly request: ModelRequest;
  readonly signal: AbortSignal;
  readonly #events: (ModelEvent | Error)[] = [];
  #wake = () => {};

  constructor(request: ModelRequest, signal: AbortSignal) {
    this.request = request;
    this.signal = signal;
    signal.addEventListener("abort", () => this.#wake());
  }

  say(...events: (ModelEvent | Error | string)[]): void {
    for (const event of events) {
      this.#events.push(typeof event === "string" ? { type: "delta", text: event } : event);
    }
    this.#wake();
  }

  end(): void {
    this.say({ type: "usage", promptTokens: 7, completionTokens: 3 });
    this.say({ type: "end", finishReason: "stop" });
  }

  async *events(): AsyncGenerator<ModelEvent> {
    for (;;) {
      this.signal.throwIfAborted();
      const event = this.#events.shift();
      if (event instanceof Error) throw event;
      if (event) yield event;
      if (event?.type === "end") return;
      if (this.#events.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

export class MapCache implements AnswerCache {
  readonly entries = new Map<string, CachedAnswer>();

  async get(key: Parameters<AnswerCache["get"]>[0]) {
    return this.entries.get(keyText(key));
  }

  async set(key: Parameters<AnswerCache["set"]>[0], answer: CachedAnswer) {
    this.entries.set(keyText(key), answer);
  }
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Somebody who reads, and can leave. */
export function read(model: Model, request: ModelRequest) {
  const abort = new AbortController();
  const reader = { text: "", deltas: 0, events: [] as ModelEvent[] };
  const run = async () => {
    for await (const event of model.stream(request, abort.signal)) {
      reader.events.push(event);
      if (event.type !== "delta") continue;
      reader.text += event.text;
      reader.deltas++;
    }
  };
  const done: Promise<unknown> = run().then(
    () => "done",
    (error) => error,
  );
  return { reader, done, leave: () => abort.abort(new Error("left")) };
}

export type Reading = ReturnType<typeof read>;

/** A request that may be shared among those of one owner. */
export function askOf(owner: string, change: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: "m",
    messages: [{ role: "user", content: "Why?" }],
    priority: "interactive",
    share: { owner },
    ...change,
  };
}

/** Lets everything happen that waits for nothing outside. */
export const settle = () => Bun.sleep(0);
