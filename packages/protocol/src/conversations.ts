import { type Static, Type } from "@sinclair/typebox";
import { Id, NextCursor, Timestamp } from "./common.ts";
import { limits } from "./limits.ts";

export const Conversation = Type.Object({
  id: Id,
  title: Type.Union([Type.String(), Type.Null()], {
    description: "Null until someone, or the model after its first answer, gives it one.",
  }),
  preview: Type.String({ description: "The beginning of the newest message, on one line." }),
  model: Type.Union([Type.String(), Type.Null()], {
    description: "The model that answers; null for the server's default.",
  }),
  cancelWhenAlone: Type.Boolean({
    description: "Stop an answer once nobody follows it any more.",
  }),
  cacheAnswers: Type.Boolean({
    description: "The same question after the same history may be answered from the cache.",
  }),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Conversation = Static<typeof Conversation>;

const Title = Type.String({ minLength: 1, maxLength: limits.titleLength, pattern: "\\S" });

export const CreateConversationBody = Type.Object(
  { title: Type.Optional(Title) },
  { additionalProperties: false },
);
export type CreateConversationBody = Static<typeof CreateConversationBody>;

export const PatchConversationBody = Type.Object(
  {
    title: Type.Optional(Title),
    model: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: limits.modelLength }), Type.Null()]),
    ),
    cancelWhenAlone: Type.Optional(Type.Boolean()),
    cacheAnswers: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type PatchConversationBody = Static<typeof PatchConversationBody>;

export const ConversationBody = Type.Object({ conversation: Conversation });
export type ConversationBody = Static<typeof ConversationBody>;

export const ConversationListBody = Type.Object({
  conversations: Type.Array(Conversation),
  nextCursor: NextCursor,
});
export type ConversationListBody = Static<typeof ConversationListBody>;
