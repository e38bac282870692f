import { SseParser } from "@peregrine/protocol/sse";
import { readAnswerChunk } from "./answer-chunk.ts";
import { DeltaText } from "./delta-text.ts";
import type { FinishReason, ModelEvent } from "./model.ts";
import { ModelError } from "./model-error.ts";
import { complaintIn, errorForComplaint, type UpstreamContext } from "./upstream-errors.ts";

type Usage = Extract<ModelEvent, { type: "usage" }>;
const emptyLine = new TextEncoder().encode("\n\n");

type Wire = "unknown" | "sse" | "json";

/**
 * Turns the body of a chat completion into model events. Knows the wire only: no socket, no clock.
 * Never throws: `failure` stands where the answer cannot go on, and what came before it is given out.
 *
 * The body may be cut into pieces anywhere. It is a stream of server-sent events or, from servers
 * that ignore `stream: true`, one JSON object; which of the two its first character tells, since the
 * content type lies at times. The answer ends with `[DONE]`, with the body after a finish reason,
 * or when it grows beyond `maxAnswerLength`; any other end of the body is an interruption.
 *
 * Memory is bounded by a few times `maxAnswerLength`, whatever the server sends.
 */
export class AnswerReader {
  readonly #context: UpstreamContext;
  readonly #text: DeltaText;
  readonly #maxBodyLength: number;
  readonly #sse: SseParser;
  readonly #jsonDecoder = new TextDecoder();
  #wire: Wire = "unknown";
  #json: string[] = [];
  #jsonLength = 0;
  #usage: Usage | undefined;
  #finishReason: FinishReason | undefined;
  #chunks = 0;
  #tokens = 0;
  #beganThinking = false;
  /** The last two pieces, for what the parser of events does not hand on. */
  #recent: [Uint8Array, Uint8Array] = [emptyLine, emptyLine];
  #failure: ModelError | undefined;
  #hasEnded = false;

  constructor(maxAnswerLength: number, context: UpstreamContext) {
    this.#context = context;
    this.#text = new DeltaText(maxAnswerLength);
    // A server that sends all at once may write each code unit as \uXXXX.
    this.#maxBodyLength = 6 * maxAnswerLength + 64 * 1024;
    this.#sse = new SseParser(this.#maxBodyLength);
  }

  /** How many tokens, or pieces of several, came so far; those of reasoning too. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Reasoning came before any of the answer. */
  get beganThinking(): boolean {
    return this.#beganThinking;
  }

  /** The `end` event was given out; what still comes is of no interest. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The model said that it is finished, though the body may go on (usage, `[DONE]`). */
  get isFinished(): boolean {
    return this.#finishReason !== undefined;
  }

  /** Why the answer ended without its `end` event. */
  get failure(): ModelError | undefined {
    return this.#failure;
  }

  /** @returns the events that these bytes complete */
  push(bytes: Uint8Array): ModelEvent[] {
    return this.#guarded((events) => {
      if (this.#wire === "unknown") this.#wire = recognize(bytes);
      if (this.#wire === "json") this.#gatherJson(bytes);
      else this.#readEvents(bytes, events);
    });
  }

  /** The body is over; the answer ends with it or has failed. */
  end(): ModelEvent[] {
    return this.#guarded((events) => {
      if (this.#wire === "json") this.#readJson(events);
      else this.#readLastEvent(events);
      if (this.#hasEnded) return;
      if (this.#finishReason !== undefined) this.#finish(this.#finishReason, events);
      else if (this.#wire === "sse" && this.#chunks === 0) {
        throw protocolError("sent something that is not an answer");
      } else throw this.interruption();
    });
  }

  /** The error for a body that stops before the answer is whole. */
  interruption(cause?: unknown): ModelError {
    if (this.#tokens > 0) {
      const message = "The model server stopped in the middle of its answer.";
      return new ModelError("model_interrupted", message, { cause });
    }
    const message = "The model server ended its answer before it began.";
    return new ModelError("model_interrupted", message, { cause });
  }

  #guarded(read: (events: ModelEvent[]) => void): ModelEvent[] {
    const events: ModelEvent[] = [];
    if (this.#hasEnded || this.#failure) return events;
    try {
      read(events);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      this.#failure = error;
    }
    return events;
  }

  /** Some servers leave out the empty line after it; where half of it is missing, so is the rest. */
  #readLastEvent(events: ModelEvent[]): void {
    try {
      this.#readEvents(emptyLine, events);
    } catch (error) {
      const isCut = error instanceof ModelError && error.cause instanceof SyntaxError;
      throw isCut ? this.interruption(error.cause) : error;
    }
  }

  #readEvents(bytes: Uint8Array, events: ModelEvent[]): void {
    this.#recent = [this.#recent[1], bytes];
    let pending: ReturnType<SseParser["push"]>;
    try {
      pending = this.#sse.push(bytes);
    } catch (cause) {
      throw protocolError("sent a line without an end", cause);
    }
    for (const { type, data } of pending) {
      if (this.#hasEnded) return;
      if (data === "") continue;
      if (data.charCodeAt(0) === 91 && data.trim() === "[DONE]") this.#done(events);
      else this.#readChunk(data, type === "error", events);
    }
  }

  #readChunk(data: string, isError: boolean, events: ModelEvent[]): void {
    this.#chunks++;
    let json: unknown;
    try {
      json = JSON.parse(data);
    } catch (cause) {
      throw protocolError("sent something that is not JSON", cause);
    }
    const complaint = complaintIn(json, isError);
    if (complaint) throw errorForComplaint(complaint, this.#context);
    if (typeof json !== "object" || json === null) return;

    const chunk = readAnswerChunk(json as Record<string, unknown>);
    this.#usage = chunk.usage ?? this.#usage;
    this.#finishReason = chunk.finishReason ?? this.#finishReason;
    if (chunk.isThinking) {
      this.#beganThinking ||= this.#text.length === 0;
      this.#tokens++;
    }
    if (chunk.text === "") return;
    this.#tokens++;
    const text = this.#text.push(chunk.text);
    if (text !== "") events.push({ type: "delta", text });
    if (this.#text.isFull) this.#finish("length", events);
  }

  /** `[DONE]` without a finish reason counts as an end only where there was an answer. */
  #done(events: ModelEvent[]): void {
    if (this.#finishReason === undefined) {
      const error = errorField(Buffer.concat(this.#recent).toString());
      if (error) this.#readChunk(error, true, events);
    }
    if (this.#finishReason === undefined && this.#tokens === 0) throw this.interruption();
    this.#finish(this.#finishReason ?? "other", events);
  }

  #finish(finishReason: FinishReason, events: ModelEvent[]): void {
    const rest = this.#text.end();
    if (rest !== "") events.push({ type: "delta", text: rest });
    if (this.#usage) events.push(this.#usage);
    events.push({ type: "end", finishReason });
    this.#hasEnded = true;
  }

  #gatherJson(bytes: Uint8Array): void {
    const text = this.#jsonDecoder.decode(bytes, { stream: true });
    this.#jsonLength += text.length;
    if (this.#jsonLength > this.#maxBodyLength)
      throw protocolError("sent an answer without an end");
    this.#json.push(text);
  }

  #readJson(events: ModelEvent[]): void {
    const body = this.#json.join("") + this.#jsonDecoder.decode();
    this.#json = [];
    this.#readChunk(body, false, events);
    // A whole answer needs no finish reason, but it needs to be one.
    if (this.#tokens === 0 && this.#finishReason === undefined) {
      throw protocolError("sent JSON that is not an answer");
    }
    this.#finishReason ??= "stop";
  }
}

/** @throws ModelError where the body is a web page */
function recognize(bytes: Uint8Array): Wire {
  for (const byte of bytes) {
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) continue;
    // A byte order mark may stand before either.
    if (byte === 0xef || byte === 0xbb || byte === 0xbf) continue;
    if (byte === 0x3c) {
      throw protocolError("sent a web page: MODEL_SERVERS may not be the base URL of its API");
    }
    return byte === 0x7b ? "json" : "sse";
  }
  return "unknown";
}

/**
 * llama.cpp told errors in a field of its own, `error: {…}`, until late in 2025, and went on to
 * `[DONE]`. No parser of server-sent events hands that on, and half an answer would pass for a whole
 * one.
 */
function errorField(text: string): string | undefined {
  return /^error: (\{.*\})$/m.exec(text)?.[1];
}

function protocolError(what: string, cause?: unknown): ModelError {
  return new ModelError("model_protocol", `The model server ${what}.`, { cause });
}
