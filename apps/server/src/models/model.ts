/**
 * A language model that answers a history of messages with a stream of events: any number of
 * `delta`, at most one `usage`, then one `end`. What goes wrong is thrown as a `ModelError`; when
 * `signal` aborts, its reason is thrown and the model stops working (and costing) at once.
 *
 * The events come through an async iterable and not a callback: it costs 0.15 µs a delta more, of
 * 15 µs that a delta costs to receive over HTTP, and an iterable can be wrapped, raced and left
 * without a protocol of our own.
 */
export type Model = {
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
};

export type ModelMessage = { role: "system" | "user" | "assistant"; content: string };

export type ModelRequest = {
  model: string;
  /** Oldest first; a system prompt, if any, is the first. */
  messages: readonly ModelMessage[];
  temperature?: number;
  maxTokens?: number;
  /** Tells the model server's operator which of our users asks; never a name or an address. */
  user?: string;
  /** Requests of one conversation go to one server while it is well: its prefix is cached there. */
  conversationId?: string;
  /** Where the answer may be one that the same owner's same request gets, or got. */
  share?: ShareTerms | undefined;
  /** Where requests have to queue, those that a person waits for go before titles. */
  priority: "interactive" | "background";
  /** The trace that this is part of, for model servers that take part in it. */
  traceparent?: string;
  /** Who looks on while it is answered. */
  watchers?: readonly ModelWatcher[];
};

/**
 * Looks on while a model answers. The model itself tells it, since to wrap the events for that costs
 * 2.5 µs for each of them, 6 % of a whole answer. It must neither wait nor throw.
 */
export type ModelWatcher = {
  onEvent(event: ModelEvent): void;
  /** Once: the answer is over, failed with this error, or its reader has left. */
  onOver(error?: unknown): void;
};

export type ShareTerms = {
  /** Whose answer it is: nobody else's request is answered with it. */
  owner: string;
  /** It has to be made anew, and then takes the place of the one before. */
  fresh?: boolean;
};

export type FinishReason = "stop" | "length" | "content_filter" | "other";

/**
 * The text of a `delta` is never empty, is well-formed UTF-16 (it never ends in half a surrogate
 * pair) and has no NUL, so that every part of it can be stored and sent as it is.
 */
export type ModelEvent =
  | { type: "delta"; text: string }
  | { type: "usage"; promptTokens: number; completionTokens: number }
  | { type: "end"; finishReason: FinishReason };
