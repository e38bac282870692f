import { type Static, Type } from "@sinclair/typebox";
import { Id, NextCursor, PageQuery, Timestamp } from "./common.ts";
import { limits } from "./limits.ts";

/**
 * - `running`: the answer is being written; its text is in the answer's event stream, not here.
 * - `complete`: questions always; answers whose model finished.
 * - `stopped`: a person stopped it, or everyone left a conversation with `cancelWhenAlone`.
 * - `interrupted`: the model, the network or the server failed; `error` says what is known.
 */
export const MessageStatus = Type.Union([
  Type.Literal("running"),
  Type.Literal("complete"),
  Type.Literal("stopped"),
  Type.Literal("interrupted"),
]);
export type MessageStatus = Static<typeof MessageStatus>;

export const MessageFile = Type.Object({
  id: Id,
  name: Type.String(),
  mediaType: Type.String(),
  sizeBytes: Type.Integer(),
});
export type MessageFile = Static<typeof MessageFile>;

export const MessageError = Type.Object({
  code: Type.String(),
  message: Type.String(),
});
export type MessageError = Static<typeof MessageError>;

export const Usage = Type.Object({
  promptTokens: Type.Integer({ minimum: 0 }),
  completionTokens: Type.Integer({ minimum: 0 }),
});
export type Usage = Static<typeof Usage>;

export const Message = Type.Object({
  id: Id,
  conversationId: Id,
  role: Type.Union([Type.Literal("user"), Type.Literal("assistant")]),
  content: Type.String(),
  status: MessageStatus,
  author: Type.Union([Type.Object({ id: Id, name: Type.String() }), Type.Null()], {
    description: "Who asked; null for answers.",
  }),
  questionId: Type.Union([Id, Type.Null()], {
    description: "The question that an answer belongs to; null for questions.",
  }),
  model: Type.Union([Type.String(), Type.Null()]),
  usage: Type.Union([Usage, Type.Null()]),
  error: Type.Union([MessageError, Type.Null()]),
  files: Type.Array(MessageFile),
  createdAt: Timestamp,
  finishedAt: Type.Union([Timestamp, Type.Null()]),
});
export type Message = Static<typeof Message>;

/** Without a place, the newest messages. At most one place may be named. */
export const MessagePageQuery = Type.Object(
  {
    ...PageQuery.properties,
    around: Type.Optional(
      Type.String({ ...Id, description: "The messages before and after this one, and itself." }),
    ),
    after: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: limits.cursorLength,
        description: "`newerCursor` of the page before: the messages that follow it.",
      }),
    ),
  },
  { additionalProperties: false },
);
export type MessagePageQuery = Static<typeof MessagePageQuery>;

export const MessageListBody = Type.Object({
  messages: Type.Array(Message),
  nextCursor: NextCursor,
  newerCursor: Type.Optional(
    Type.Union([Type.String(), Type.Null()], {
      description: "With `around` and `after`: where newer messages follow; null where none do.",
    }),
  ),
});
export type MessageListBody = Static<typeof MessageListBody>;

export const AskBody = Type.Object(
  {
    content: Type.String({ minLength: 1, maxLength: limits.messageLength, pattern: "\\S" }),
    fileIds: Type.Optional(Type.Array(Id, { maxItems: limits.filesPerMessage, uniqueItems: true })),
  },
  { additionalProperties: false },
);
export type AskBody = Static<typeof AskBody>;

/** What asking answers when the client did not want a stream: the question and the finished answer. */
export const AnswerBody = Type.Object({ question: Message, answer: Message });
export type AnswerBody = Static<typeof AnswerBody>;

export const MessageBody = Type.Object({ message: Message });
export type MessageBody = Static<typeof MessageBody>;
