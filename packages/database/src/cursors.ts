import type { Conversation } from "@peregrine/protocol";
import { InvalidCursorError } from "./errors.ts";

/*
 * A cursor names the last row of a page by its keyset: where the next page starts. It is not
 * secret and not trusted: whatever it says, the query stays inside the owner's rows.
 */

const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const conversationPattern = new RegExp(`^(\\d{1,15})_(${uuid})$`);
const messagePattern = new RegExp(`^${uuid}$`);

export function encodeConversationCursor(last: Pick<Conversation, "id" | "updatedAt">): string {
  return `${Date.parse(last.updatedAt)}_${last.id}`;
}

export function decodeConversationCursor(cursor: string): { updatedAt: Date; id: string } {
  const [, ms, id] = conversationPattern.exec(cursor) ?? [];
  if (ms === undefined || id === undefined) throw new InvalidCursorError();
  // Fifteen digits at most: the year 33658, within what Postgres can hold.
  return { updatedAt: new Date(Number(ms)), id };
}

/** A message's id alone: it is the keyset. */
export function decodeMessageCursor(cursor: string): string {
  if (!messagePattern.test(cursor)) throw new InvalidCursorError();
  return cursor;
}
