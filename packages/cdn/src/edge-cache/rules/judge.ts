import CachePolicy from "http-cache-semantics";
import type { HeaderLines } from "../header-lines.ts";
import { type Directives, readDirectives, secondsOf } from "./directives.ts";
import { readHttpDate } from "./http-date.ts";
import { readTargetedControl } from "./targeted-control.ts";
import { readVary } from "./vary.ts";

/** What of a request decides whether its answer may be kept for others. */
export type Asker = {
  readonly hasAuthorization: boolean;
  readonly hasCookie: boolean;
  /** A range, or a condition of the client's own: only a whole answer is then an answer to all. */
  readonly asksForPart: boolean;
  /** Its Cache-Control. */
  readonly directives: Directives;
};

export type Answer = {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
};

/** What may be done with an answer that is kept. Times are wall clock, in milliseconds. */
export type Terms = {
  /** What the answer's age counts from: in the past by as much as it was old when it came. */
  readonly bornAtMs: number;
  readonly freshUntilMs: number;
  /** Beyond `freshUntilMs`: how long it may be served while a newer one is fetched, or after an error. */
  readonly whileRevalidateMs: number;
  readonly ifErrorMs: number;
  /** It is never served stale, whatever a client would take. */
  readonly mustRevalidate: boolean;
  /** It is never served without asking the server. */
  readonly alwaysRevalidate: boolean;
  /** Anybody may have it, also who sends a cookie or an authorization. */
  readonly isPublic: boolean;
  readonly vary: readonly string[];
};

const understood = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501]);
/** One that the rules take for storable where it says for how long, and for nothing else. */
const statusOfNoMeaning = 302;

/**
 * Says whether a shared cache may keep an answer, and on what terms. The rules of RFC 9111 are those
 * of http-cache-semantics; it is given fields that are read before, since it takes names in upper
 * case for others, `Date.parse` for a date of HTTP, and the last of two directives. Stricter than
 * the RFC: what sets a cookie is not kept, and what was asked for with one only where it is `public`.
 *
 * @returns undefined where it may not be kept, or never could be used
 */
export function judge(asker: Asker, answer: Answer): Terms | undefined {
  const { fields, status, answeredAtMs } = answer;
  const targeted = readTargetedControl(fields.get("cdn-cache-control"));
  const directives = targeted ?? readDirectives(fields.get("cache-control"));
  const isPublic = directives.has("public");
  const vary = readVary(fields.get("vary"));
  if (vary === "*" || fields.has("set-cookie")) return undefined;
  if (asker.hasCookie && !isPublic) return undefined;
  if (asker.asksForPart && status !== 200) return undefined;
  if (status < 200 || status === 206 || status === 304) return undefined;
  const mustUnderstand = directives.has("must-understand");
  if (mustUnderstand && !understood.has(status)) return undefined;

  const dateMs = readHttpDate(fields.get("date"), answeredAtMs) ?? answeredAtMs;
  const policy = new CachePolicy(
    {
      method: "GET",
      headers: {
        ...(asker.hasAuthorization && { authorization: "given" }),
        ...(asker.directives.has("no-store") && { "cache-control": "no-store" }),
      },
    },
    {
      status: understood.has(status) ? status : statusOfNoMeaning,
      headers: {
        "cache-control": plainly(directives, mustUnderstand),
        date: new Date(dateMs).toUTCString(),
        // RFC 9213 2.1: where a targeted field is there, nothing else counts.
        ...(targeted === undefined && expiry(fields.get("expires"), answeredAtMs)),
      },
    },
    { shared: true, cacheHeuristic: 0, immutableMinTimeToLive: 0 },
  );
  if (!policy.storable()) return undefined;

  const lifetimeMs = policy.maxAge() * 1000;
  const mustRevalidate = ["must-revalidate", "proxy-revalidate", "no-cache"].some((name) =>
    directives.has(name),
  );
  const seconds = (name: string) =>
    mustRevalidate ? 0 : (secondsOf(directives, name) ?? 0) * 1000;
  const bornAtMs = answeredAtMs - initialAgeMs(answer, dateMs);
  const terms: Terms = {
    bornAtMs,
    freshUntilMs: bornAtMs + lifetimeMs,
    whileRevalidateMs: seconds("stale-while-revalidate"),
    ifErrorMs: seconds("stale-if-error"),
    mustRevalidate: mustRevalidate || directives.has("s-maxage"),
    alwaysRevalidate: directives.has("no-cache"),
    isPublic,
    vary,
  };
  const isOfUse =
    (!terms.alwaysRevalidate && answeredAtMs < usableUntilMs(terms)) ||
    fields.has("etag") ||
    fields.has("last-modified");
  return isOfUse ? terms : undefined;
}

/** What a field says that forbids keeping, in words of its own. */
const forbids = /^cache-control:[^\r\n"]*\b(?:no-store|private)\b[^\r\n"]*\r$/im;
/** What may make it two things: a targeted field, or a directive that no-store gives way to. */
const mayAllow = /^cdn-cache-control:|must-understand/im;
const saysAnything = /^(?:(?:cdn-)?cache-control|expires|etag|last-modified):/im;

/**
 * Whether the header lines of an answer show at a glance that it may not be kept, as most that pass a
 * door do: a tenth of what it takes to judge it.
 */
export function isPlainlyUnkept(lines: HeaderLines): boolean {
  return forbids.test(lines) ? !mayAllow.test(lines) : !saysAnything.test(lines);
}

/** Until when it can be served without a validator, at the latest. */
function usableUntilMs(terms: Terms): number {
  return terms.freshUntilMs + Math.max(terms.whileRevalidateMs, terms.ifErrorMs);
}

/** The directives that storing and lifetime depend on, as the library takes them. */
function plainly(directives: Directives, mustUnderstand: boolean): string {
  const kept: string[] = [];
  for (const name of ["private", "public", "must-revalidate"]) {
    if (directives.has(name)) kept.push(name);
  }
  // RFC 9111 5.2.2.3: whoever understands the status is not to heed no-store.
  if (directives.has("no-store") && !mustUnderstand) kept.push("no-store");
  for (const name of ["max-age", "s-maxage"]) {
    const seconds = secondsOf(directives, name);
    if (seconds !== undefined) kept.push(`${name}=${seconds}`);
  }
  return kept.join(", ");
}

/** What is no date has been over for long (RFC 9111 5.3). */
function expiry(value: string | undefined, nowMs: number): { expires?: string } {
  if (value === undefined) return {};
  return { expires: new Date(readHttpDate(value, nowMs) ?? 0).toUTCString() };
}

/** RFC 9111 4.2.3: the larger of what its date and what its Age say, and the way here. */
function initialAgeMs({ fields, askedAtMs, answeredAtMs }: Answer, dateMs: number): number {
  const first = fields.get("age")?.split(",")[0]?.trim() ?? "";
  const ageMs = /^\d+$/.test(first) ? Number(first) * 1000 : 0;
  const onTheWayMs = Math.max(0, answeredAtMs - askedAtMs);
  return Math.max(0, answeredAtMs - dateMs, ageMs + onTheWayMs);
}
