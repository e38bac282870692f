import { type Static, Type } from "@sinclair/typebox";
import { Id, Timestamp } from "./common.ts";

/**
 * The events of one answer, in order: `started`, any number of `delta`, `usage` if the model told
 * it, then `done` or `error`, and nothing after that.
 *
 * Each has a numeric id, greater than the one before it. The id of a `delta` is the length of the
 * whole text so far, in UTF-16 code units; so an answer can be taken up after any event, from a
 * running log or from the saved text alike: what follows id N is the text from N on. `started`
 * has id 0, `usage` and the last event have the length of the text plus 1 and 2.
 */
export const StartedEvent = Type.Object({
  type: Type.Literal("started"),
  conversationId: Id,
  questionId: Id,
  messageId: Id,
  model: Type.String(),
  createdAt: Timestamp,
});
export const DeltaEvent = Type.Object({ type: Type.Literal("delta"), text: Type.String() });
export const UsageEvent = Type.Object({
  type: Type.Literal("usage"),
  promptTokens: Type.Integer({ minimum: 0 }),
  completionTokens: Type.Integer({ minimum: 0 }),
});
export const DoneEvent = Type.Object({
  type: Type.Literal("done"),
  status: Type.Union([Type.Literal("complete"), Type.Literal("stopped")]),
});
export const ErrorEvent = Type.Object({
  type: Type.Literal("error"),
  code: Type.String(),
  message: Type.String(),
  retryable: Type.Boolean(),
});
export const StreamEvent = Type.Union([
  StartedEvent,
  DeltaEvent,
  UsageEvent,
  DoneEvent,
  ErrorEvent,
]);
export type StreamEvent = Static<typeof StreamEvent>;
