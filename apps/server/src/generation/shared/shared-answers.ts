import type { Log } from "@peregrine/process";
import type { Model, ModelEvent, ModelRequest, ShareTerms } from "../../models/model.ts";
import type { AnswerCache } from "./answer-cache.ts";
import { continueFrom } from "./continue-from.ts";
import { LeaderLost, type Place, type Relay } from "./relay.ts";
import { keyText, type RequestKey, requestKey } from "./request-key.ts";
import { type AnswerEnd, SharedStream } from "./shared-stream.ts";

/** Whoever lost so many leaders of one answer asks on their own. */
const maxLosses = 3;

type Dependencies = {
  model: Model;
  cache: AnswerCache;
  /** To the other servers; without it answers are shared in this process. */
  relay?: Relay | undefined;
  log: Log;
};

/**
 * A model that is asked once for what several want to know: requests that may be shared
 * (`ModelRequest.share`) are answered from the cache, join the same request while it is answered,
 * here or on another server, or else ask the model. All others go straight to the model.
 *
 * Nobody is given an answer to another owner's request: the owner is part of every key.
 *
 * - Only an answer that the model ended by itself is cached. A failure is told to all who wait for
 *   it, and the next request asks anew.
 * - A reader that aborts leaves alone; when the last one has gone, on every server, the model is
 *   left at once.
 * - When the server that asked the model is lost, one of those that followed it asks again. Readers
 *   go on where they were if the new answer begins with what they have; otherwise theirs ends as
 *   interrupted.
 * - A fresh request joins nothing and is not answered from the cache: its answer takes the place of
 *   what was there.
 */
export class SharedAnswers implements Model {
  readonly #deps: Dependencies;
  /** What is being answered, by `keyText`. */
  readonly #running = new Map<string, SharedStream>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
    const { share } = request;
    // As it comes: a generator of our own would be one more step for each token.
    return share ? this.#share(request, share, signal) : this.#deps.model.stream(request, signal);
  }

  async *#share(
    request: ModelRequest,
    share: ShareTerms,
    signal: AbortSignal,
  ): AsyncGenerator<ModelEvent> {
    signal.throwIfAborted();
    const key = requestKey(share.owner, request);
    let prefix = "";
    for (let losses = 0; ; losses++) {
      const joined = share.fresh ? undefined : this.#running.get(keyText(key));
      const shared = joined ?? this.#begin(key, request, losses < maxLosses);
      const events = shared.read(signal);
      try {
        yield* prefix === "" ? events : continueFrom(prefix, events);
        return;
      } catch (error) {
        if (!(error instanceof LeaderLost)) throw error;
        const text = shared.text();
        // A shorter one is a beginning of what this reader has from the leader before.
        if (text.length > prefix.length) prefix = text;
      }
    }
  }

  #begin(key: RequestKey, request: ModelRequest, asksOthers: boolean): SharedStream {
    const isFresh = request.share?.fresh === true;
    const id = keyText(key);
    const abort = new AbortController();
    let place: Place | undefined;
    const forget = () => {
      if (this.#running.get(id) === stream) this.#running.delete(id);
    };
    const cancel = () => {
      forget();
      abort.abort(new Error("nobody reads this answer any more"));
    };
    const stream = new SharedStream(() => {
      if (place?.role === "lead") place.deserted();
      else cancel();
    });
    this.#running.set(id, stream);

    const write = async () => {
      try {
        const cached = isFresh ? undefined : await this.#cached(key);
        if (cached) {
          stream.append(cached.text);
          stream.end({ usage: cached.usage, finishReason: "stop" });
          return;
        }
        abort.signal.throwIfAborted();
        if (asksOthers && !isFresh) place = await this.#deps.relay?.enter(id, stream, cancel);
        const end =
          place?.role === "follow"
            ? await place.run(abort.signal)
            : await this.#ask(request, stream, abort.signal);
        stream.end(end);
      } catch (error) {
        // Before its readers hear of it, so that those who ask again begin anew.
        forget();
        stream.fail(error);
      } finally {
        if (place?.role === "lead") place.end();
      }
      await this.#keep(key, request.model, stream);
    };
    // It can be joined until it is in the cache, so that nobody falls between the two.
    write()
      .catch((err) => this.#deps.log.error({ err }, "sharing an answer failed"))
      .finally(forget);
    return stream;
  }

  async #ask(request: ModelRequest, stream: SharedStream, signal: AbortSignal): Promise<AnswerEnd> {
    const end: AnswerEnd = { usage: null, finishReason: "other" };
    for await (const event of this.#deps.model.stream(request, signal)) {
      if (event.type === "delta") stream.append(event.text);
      else if (event.type === "end") end.finishReason = event.finishReason;
      else {
        end.usage = {
          promptTokens: event.promptTokens,
          completionTokens: event.completionTokens,
        };
      }
    }
    return end;
  }

  async #cached(key: RequestKey) {
    try {
      return await this.#deps.cache.get(key);
    } catch (err) {
      this.#deps.log.warn({ err }, "reading an answer from the cache failed");
      return undefined;
    }
  }

  async #keep(key: RequestKey, model: string, stream: SharedStream): Promise<void> {
    const { outcome } = stream;
    if (!outcome || "error" in outcome || outcome.end.finishReason !== "stop") return;
    const text = stream.text();
    if (text === "") return;
    try {
      await this.#deps.cache.set(key, { text, usage: outcome.end.usage, model });
    } catch (err) {
      this.#deps.log.warn({ err }, "an answer could not be cached");
    }
  }
}
