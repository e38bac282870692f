import { type Static, Type } from "@sinclair/typebox";
import { Id, NextCursor, PageQuery, Timestamp } from "./common.ts";
import { Conversation } from "./conversations.ts";
import { limits } from "./limits.ts";
import { Message } from "./messages.ts";

const Moment = Type.String({
  pattern: "^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?(Z|[+-]\\d{2}:\\d{2}))?$",
});

export const SearchQuery = Type.Object(
  {
    ...PageQuery.properties,
    q: Type.String({
      maxLength: limits.searchLength,
      description:
        'Words, "quoted phrases", -without, or. The last word may be unfinished unless a space follows it.',
    }),
    conversation: Type.Optional(Type.String({ ...Id, description: "Only in this conversation." })),
    from: Type.Optional(
      Type.String({ ...Moment, description: "From this day (UTC) or moment on." }),
    ),
    to: Type.Optional(Type.String({ ...Moment, description: "Before this day (UTC) or moment." })),
  },
  { additionalProperties: false },
);
export type SearchQuery = Static<typeof SearchQuery>;

export const SearchDocument = Type.Object({
  id: Id,
  fileId: Type.Union([Id, Type.Null()], { description: "The file that the text was taken from." }),
  messageId: Type.Union([Id, Type.Null()], {
    description: "The newest message that the file is attached to.",
  }),
  title: Type.String(),
  createdAt: Timestamp,
});
export type SearchDocument = Static<typeof SearchDocument>;

/**
 * A message; a document, with the conversation it was last attached in, if in any; or a conversation
 * by its title.
 */
export const SearchResult = Type.Object({
  message: Type.Union([Message, Type.Null()]),
  conversation: Type.Union([Conversation, Type.Null()]),
  document: Type.Union([SearchDocument, Type.Null()]),
  snippet: Type.String({
    description: "HTML on one line: the text is escaped, each match stands in `<mark>`.",
  }),
});
export type SearchResult = Static<typeof SearchResult>;

export const SearchBody = Type.Object({
  results: Type.Array(SearchResult),
  nextCursor: NextCursor,
  correctedQuery: Type.Union([Type.String(), Type.Null()], {
    description:
      "What was searched instead, where nothing was found by `q`. Ask for it to get further pages.",
  }),
});
export type SearchBody = Static<typeof SearchBody>;
