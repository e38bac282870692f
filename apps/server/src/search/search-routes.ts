import { SearchBody, SearchQuery } from "@peregrine/protocol";
import { Elysia } from "elysia";
import { signedIn } from "../auth/signed-in.ts";
import type { Context } from "../context.ts";
import { ApiError } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";

/** Unlike lists: each result brings a whole message. */
const defaultLimit = 20;

/** Finds what somebody has written or read. */
export function searchRoutes(context: Context) {
  const { database } = context;
  return new Elysia({ prefix: "/api/v1" }).derive(signedIn(context)).get(
    "/search",
    ({ user, query }) => {
      return database.search.find({
        userId: user.id,
        text: query.q,
        conversationId: query.conversation ?? null,
        from: readMoment("from", query.from),
        to: readMoment("to", query.to),
        limit: query.limit === undefined ? defaultLimit : Number(query.limit),
        cursor: query.cursor ?? null,
      });
    },
    {
      query: SearchQuery,
      ...documented("Search", {
        summary: "Find messages, titles and documents",
        description:
          "The newest 100 matches come first, best first, then the 100 before those. Without `limit` 20 a page.",
        returns: { 200: SearchBody },
        errors: ["invalid_request", "invalid_cursor"],
      }),
    },
  );
}

/** @throws ApiError for a day that no calendar has */
function readMoment(field: string, text: string | undefined): Date | null {
  if (text === undefined) return null;
  const moment = new Date(text);
  // JavaScript takes the 31st of February for a day in March.
  const isReal =
    moment.getTime() >= 0 &&
    new Date(text.slice(0, 10)).toISOString().startsWith(text.slice(0, 10));
  if (isReal) return moment;
  throw new ApiError(
    "invalid_request",
    `${field} must be a day or a moment since 1970, such as 2026-01-31 or 2026-01-31T12:00:00Z.`,
    { field },
  );
}
