import { readHttpDate } from "./http-date.ts";

/** What a stored response is known by. */
export type Validators = {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** When the server made it, which stands for the date of its last change where there is none. */
  readonly date?: string | undefined;
};

/** Entity tags of a list, with or without `W/`. What is not in quotes is taken as it is, as others do. */
const tags = /(W\/)?("[^"]*"|[^\s,"]+)/g;

/**
 * Whether a client has what is stored (RFC 9110 13.1): its tags, compared weakly, come before its
 * date.
 */
export function hasCurrent(
  stored: Validators,
  condition: { ifNoneMatch: string | undefined; ifModifiedSince: string | undefined },
  nowMs: number,
): boolean {
  if (condition.ifNoneMatch !== undefined) {
    const { etag } = stored;
    if (condition.ifNoneMatch === etag || condition.ifNoneMatch.trim() === "*") return true;
    if (etag === undefined) return false;
    const wanted = opaque(etag);
    return (condition.ifNoneMatch.match(tags) ?? []).some((tag) => opaque(tag) === wanted);
  }
  if (condition.ifModifiedSince === undefined) return false;
  const sinceMs = readHttpDate(condition.ifModifiedSince, nowMs);
  const modifiedMs = readHttpDate(stored.lastModified ?? stored.date, nowMs);
  return sinceMs !== undefined && modifiedMs !== undefined && modifiedMs <= sinceMs;
}

/** Whether the parts that a client has belong to what is stored (If-Range): only a strong match will do. */
export function isSameRepresentation(stored: Validators, ifRange: string): boolean {
  if (ifRange.startsWith('"')) return stored.etag === ifRange;
  return stored.lastModified !== undefined && stored.lastModified === ifRange;
}

/**
 * Whether a 304 says that this very response is still good: by its tag if it has one, else by its
 * date; one that names neither answers the question that was asked.
 */
export function isAbout(stored: Validators, answer: Validators): boolean {
  if (answer.etag !== undefined) {
    return stored.etag !== undefined && opaque(stored.etag) === opaque(answer.etag);
  }
  if (answer.lastModified !== undefined && stored.lastModified !== undefined) {
    return answer.lastModified === stored.lastModified;
  }
  return true;
}

function opaque(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}
