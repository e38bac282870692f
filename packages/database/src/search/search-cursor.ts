import { InvalidCursorError } from "../errors.ts";

/**
 * Where the next page of a search starts: the last result that was given, and the window it was
 * found in. Not secret and not trusted, as every cursor.
 */
export type SearchCursor = {
  /** The moment from which age is counted: that of the first page. */
  asOfMs: number;
  /** The window ends just before this id; null for the first one. */
  before: string | null;
  /** The least id of the window; null if it goes down to the oldest. */
  floor: string | null;
  /** The last result of this window; null at its beginning. */
  last: { score: number; id: string } | null;
};

const id = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const pattern = new RegExp(
  `^([0-9a-z]{1,8})_(\\d{1,13})_(${id})?_(${id})?_(?:(\\d{1,9})_(${id}))?$`,
);

/** @param searched what the cursor belongs to: all that was asked for, as one text */
export function encodeSearchCursor(cursor: SearchCursor, searched: string): string {
  const { asOfMs, before, floor, last } = cursor;
  const end = last ? `${last.score}_${last.id}` : "";
  return `${mark(searched)}_${asOfMs}_${before ?? ""}_${floor ?? ""}_${end}`;
}

/** @throws InvalidCursorError also for a cursor of another search */
export function decodeSearchCursor(text: string, searched: string): SearchCursor {
  const [, marked, asOfMs, before, floor, score, lastId] = pattern.exec(text) ?? [];
  if (asOfMs === undefined || marked !== mark(searched)) throw new InvalidCursorError();
  return {
    asOfMs: Number(asOfMs),
    before: before ?? null,
    floor: floor ?? null,
    last: lastId === undefined ? null : { score: Number(score), id: lastId },
  };
}

/** FNV-1a: tells a client's mistake, and is no safeguard. */
function mark(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(36);
}
