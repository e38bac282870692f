import { AnswerReader } from "./answer-reader.ts";
import type { ModelServerAddress } from "./base-url.ts";
import type { Continuation } from "./continue-with.ts";
import { HostWatch } from "./host-watch.ts";
import type { Model, ModelEvent, ModelRequest } from "./model.ts";
import { ModelError } from "./model-error.ts";
import { readBodyStart } from "./read-body-start.ts";
import { type Dialect, fullDialect, requestBody, simplerDialect } from "./request-dialect.ts";
import { type Silence, SilenceWatch, type TimeLimits } from "./silence-watch.ts";
import { errorForStatus } from "./upstream-errors.ts";

export type ModelLimits = TimeLimits & {
  /**
   * Without a first token for this long, and again and again, the server's host is asked whether it is
   * there. Infinity where it is reached by a proxy, which would have to be asked instead.
   */
  doubtMs: number;
  /** In UTF-16 code units; a longer answer ends there with the finish reason "length". */
  maxAnswerLength: number;
};

export type StreamOptions = {
  /** Told of tokens as they come, those of reasoning too, of which no event tells. */
  onTokens?: (count: number) => void;
  /** Where the answer was begun elsewhere. */
  continuation?: Continuation | undefined;
};

const maxErrorBytes = 64 * 1024;
const maxKnownDialects = 100;
/** How long a finished answer may take to end its body, so that the connection can be used again. */
const bodyEndMs = 1000;

/**
 * One server that speaks OpenAI's `POST /chat/completions` with `stream: true`.
 *
 * A stream that is aborted, or left, closes its connection at once, which is how these servers
 * learn to stop. One that ends leaves its connection open for the next question.
 */
export class OpenAiModel implements Model {
  readonly #address: ModelServerAddress;
  readonly #apiKey: string | undefined;
  readonly #limits: ModelLimits;
  readonly #fetch: typeof Bun.FetchSession.prototype.fetch;
  readonly #dialects = new Map<string, Dialect>();
  readonly #host: HostWatch;

  /** @param session owns the connections; closed by whoever made it */
  constructor(
    address: ModelServerAddress,
    apiKey: string | undefined,
    limits: ModelLimits,
    session: Bun.FetchSession,
  ) {
    this.#address = address;
    this.#apiKey = apiKey;
    this.#limits = limits;
    this.#fetch = session.fetch;
    this.#host = new HostWatch(address.chatUrl);
  }

  async *stream(
    request: ModelRequest,
    signal: AbortSignal,
    { onTokens, continuation }: StreamOptions = {},
  ): AsyncGenerator<ModelEvent> {
    signal.throwIfAborted();
    // A controller of our own: a signal that outlives many answers must not gather their listeners.
    const upstream = new AbortController();
    const abort = () => upstream.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });

    const context = { model: request.model, apiKey: this.#apiKey };
    const answer = new AnswerReader(this.#maxLength(continuation), context);
    let silence: Silence | undefined;
    const watch = new SilenceWatch(this.#limits, (kind) => {
      silence = kind;
      upstream.abort(silenceError(kind));
    });
    let isGone = false;
    const stopDoubting = this.#host.watch(this.#limits.doubtMs, () => {
      isGone = true;
      upstream.abort();
    });
    let body: ReadableStreamDefaultReader<Uint8Array> | undefined;
    try {
      body = await this.#open(request, continuation, upstream.signal);
      let tokens = 0;
      while (!answer.hasEnded) {
        const { done, value } = await body.read();
        const events = done ? answer.end() : answer.push(value);
        if (answer.tokens !== tokens) {
          onTokens?.(answer.tokens - tokens);
          tokens = answer.tokens;
          watch.token();
          stopDoubting();
        }
        if (continuation && answer.beganThinking) throw beganAgain();
        for (const event of events) yield event;
        if (answer.failure) throw answer.failure;
      }
    } catch (error) {
      signal.throwIfAborted();
      // What is wrong with the answer, and not with its connection.
      if (!silence && error instanceof ModelError) throw error;
      // A server that finished and then neither ends its body nor closes is done all the same.
      if (answer.isFinished) yield* answer.end();
      else if (silence) throw silenceError(silence);
      else if (isGone) throw unreachable(hostIsGone());
      else if (body) throw answer.interruption(error);
      else throw unreachable(error);
    } finally {
      watch.stop();
      stopDoubting();
      signal.removeEventListener("abort", abort);
      if (body && answer.hasEnded && !upstream.signal.aborted) finishBody(body, upstream);
      else upstream.abort();
    }
  }

  /** @throws ModelError for an answer that is not a 2xx */
  async #open(
    request: ModelRequest,
    continuation: Continuation | undefined,
    signal: AbortSignal,
  ): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    let dialect = this.#dialects.get(request.model) ?? fullDialect;
    for (;;) {
      const text = requestBody(request, dialect, continuation);
      const response = await this.#post(text, request.traceparent, signal);
      if (response.ok && response.body) return response.body.getReader();
      const body = await readBodyStart(response, maxErrorBytes);
      const simpler = simplerDialect(dialect, request, response.status, body);
      if (!simpler) {
        const context = { model: request.model, apiKey: this.#apiKey };
        throw errorForStatus(response.status, response.headers, body, context);
      }
      dialect = simpler;
      this.#remember(request.model, dialect);
    }
  }

  #post(body: string, traceparent: string | undefined, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {
      "content-type": "application/json",
      accept: "text/event-stream",
    };
    if (traceparent) headers.traceparent = traceparent;
    if (this.#address.authorization) headers.authorization = this.#address.authorization;
    return this.#fetch(this.#address.chatUrl, {
      method: "POST",
      headers,
      body,
      signal,
      redirect: "manual", // or our key would follow wherever it leads
      timeout: false, // of 5 minutes; the watch has the limits
    });
  }

  /** The limit is that of the whole answer, whoever wrote it. */
  #maxLength(continuation: Continuation | undefined): number {
    const { maxAnswerLength } = this.#limits;
    if (!continuation || continuation.way === "prefix_repeated") return maxAnswerLength;
    return Math.max(1, maxAnswerLength - continuation.text.length);
  }

  #remember(model: string, dialect: Dialect): void {
    if (this.#dialects.size >= maxKnownDialects) this.#dialects.clear();
    this.#dialects.set(model, dialect);
  }
}

/** Reads the few bytes after the end of an answer, so that its connection can be used again. */
function finishBody(
  body: ReadableStreamDefaultReader<Uint8Array>,
  upstream: AbortController,
): void {
  const timer = setTimeout(() => upstream.abort(), bodyEndMs);
  const read = async () => {
    while (!(await body.read()).done);
  };
  read()
    .catch(() => upstream.abort()) // the answer is whole; only the connection is lost
    .finally(() => clearTimeout(timer));
}

/** Whoever goes on with an answer has thought already: this one answers anew. */
function beganAgain(): ModelError {
  const message = "The model server that was to go on with the answer began to think again.";
  return new ModelError("model_interrupted", message, { isServerIll: false });
}

function silenceError(silence: Silence): ModelError {
  const messages: Record<Silence, string> = {
    first_token: "The model server took too long to begin its answer.",
    next_token: "The model server stopped answering for too long.",
    whole: "The model server took too long for the whole answer.",
  };
  return new ModelError("model_timeout", messages[silence]);
}

/** As the kernel would put it, if it were not so patient. */
function hostIsGone(): Error {
  return Object.assign(new Error("its host accepts no connection"), { code: "EHOSTUNREACH" });
}

function unreachable(cause: unknown): ModelError {
  return new ModelError("model_unreachable", "The model server cannot be reached.", { cause });
}
