/** Directives of a Cache-Control field by their names in lower case; `true` where one has no value. */
export type Directives = ReadonlyMap<string, string | true>;

const none: Directives = new Map();
/** A directive: a name, and perhaps a value that is a token or in quotes. */
const directive = /\s*([^\s=,;"]+)(?:(\s*=\s*)("(?:[^"\\]|\\.)*"|[^,]*))?\s*(?:,|$)/y;

/**
 * Reads a Cache-Control field. Of a directive that is given twice the first counts. What is in quotes
 * is one value, also where it looks like directives; what cannot be read is skipped up to the next
 * comma. Blanks beside the equals sign leave the name, which may forbid something, and no value.
 */
export function readDirectives(value: string | undefined): Directives {
  if (value === undefined) return none;
  const directives = new Map<string, string | true>();
  for (let at = 0; at < value.length; ) {
    directive.lastIndex = at;
    const match = directive.exec(value);
    if (match === null) {
      const comma = value.indexOf(",", at);
      at = comma < 0 ? value.length : comma + 1;
      continue;
    }
    at = directive.lastIndex;
    const [, name = "", equals, given = ""] = match;
    const key = name.toLowerCase();
    if (directives.has(key)) continue;
    if (equals === undefined) directives.set(key, true);
    else directives.set(key, equals === "=" ? given.trim().replace(/^"(.*)"$/, "$1") : "");
  }
  return directives;
}

/** RFC 9111 1.2.2: what is larger than can be counted is taken for this. */
const maxSeconds = 2 ** 31;

/**
 * Seconds that a directive gives; undefined where it is not there.
 *
 * @returns 0 for a value that is no whole number, since what is said badly is not fresh (RFC 9111 4.2.1)
 */
export function secondsOf(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  return value !== true && /^\d+$/.test(value) ? Math.min(Number(value), maxSeconds) : 0;
}
