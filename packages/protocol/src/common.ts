import { type Static, Type } from "@sinclair/typebox";
import { limits } from "./limits.ts";

/** A UUIDv7 in its canonical lower-case form. */
export const Id = Type.String({
  pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
  description: "UUIDv7",
});

/** A moment, ISO 8601 in UTC with milliseconds. */
export const Timestamp = Type.String({ format: "date-time" });

/** The query of every keyset-paged list. */
export const PageQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.String({
        pattern: "^([1-9][0-9]?|100)$",
        description: `1 to ${limits.pageSizeMax}; ${limits.pageSizeDefault} without it.`,
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: limits.cursorLength,
        description: "`nextCursor` of the page before.",
      }),
    ),
  },
  { additionalProperties: false },
);

export type PageQuery = Static<typeof PageQuery>;

/** Where the next page starts; null on the last one. */
export const NextCursor = Type.Union([Type.String(), Type.Null()]);
