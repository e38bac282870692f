import type { Directives } from "./directives.ts";

/** A key, and perhaps `=` and a bare item: integer, decimal, string, token, bytes or boolean. */
const member =
  /([a-z*][a-z0-9_\-.*]*)(?:=(-?\d{1,12}\.\d{1,3}|-?\d{1,15}|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*|:[A-Za-z0-9+/=]*:|\?[01]))?(?:;[ ]*[a-z*][a-z0-9_\-.*]*(?:=[^\s;,"]+)?)*[ \t]*/y;

/**
 * Reads CDN-Cache-Control (RFC 9213), which is a dictionary of structured fields (RFC 8941) and
 * stricter than Cache-Control: one fault makes the whole field none.
 *
 * @returns undefined where the field is not there, empty, or no such dictionary
 */
export function readTargetedControl(value: string | undefined): Directives | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const text = value.trim();
  const directives = new Map<string, string | true>();
  for (let at = 0; ; ) {
    member.lastIndex = at;
    const match = member.exec(text);
    if (match === null) return undefined;
    at = member.lastIndex;
    const [, name = "", item] = match;
    if (item === "?0") directives.delete(name);
    // No directive has a value but a number.
    else directives.set(name, item === undefined || item === "?1" ? true : integer(item));
    if (at === text.length) return directives;
    if (text[at] !== ",") return undefined;
    at++;
    while (text[at] === " " || text[at] === "\t") at++;
  }
}

function integer(item: string): string {
  return /^\d+$/.test(item) ? item : "";
}
