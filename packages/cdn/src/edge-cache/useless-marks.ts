import type { CacheRequest } from "./cache-request.ts";
import type { HeaderLines } from "./header-lines.ts";
import { isPlainlyUnkept } from "./rules/judge.ts";
import { termsOf } from "./terms-of.ts";

type AnswerHead = { readonly status: number; readonly lines: HeaderLines };

/** How long an answer that could not be kept speaks for those that follow, and where it was an error. */
const uselessMs = 120_000;
const uselessErrorMs = 1000;
const maxMarks = 10_000;
/** Statuses that answer a condition or a range, and say nothing of the whole. */
const aboutTheRequest = new Set([206, 304, 412, 416]);

/**
 * Which requests had answers that could not be kept: those who ask the same next do not wait for one
 * another, and pass as if there were no cache. The oldest of ten thousand is forgotten.
 */
export class UselessMarks {
  readonly #now: () => number;
  /** Until when each is believed; the oldest come first. */
  readonly #untilMs = new Map<string, number>();

  /** @param now wall clock, in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  has(request: CacheRequest): boolean {
    return this.#now() < (this.#untilMs.get(markOf(request)) ?? 0);
  }

  /** The answer to a request could not be kept. */
  found(request: CacheRequest, { status, lines }: AnswerHead): void {
    // Of the request's own making, and so no word about the next one.
    if (request.directives.has("no-store")) return;
    if (aboutTheRequest.has(status) && !isPlainlyUnkept(lines)) return;
    const mark = markOf(request);
    this.#untilMs.delete(mark);
    this.#untilMs.set(mark, this.#now() + (status >= 500 ? uselessErrorMs : uselessMs));
    const [oldest] = this.#untilMs.keys();
    if (this.#untilMs.size > maxMarks && oldest !== undefined) this.#untilMs.delete(oldest);
  }

  /** An answer has passed by: where it could have been kept, the next is to be. */
  passed(request: CacheRequest, { status, lines }: AnswerHead): void {
    if (isPlainlyUnkept(lines) || !this.#untilMs.has(markOf(request))) return;
    const nowMs = this.#now();
    const times = { isRenewal: false, askedAtMs: nowMs, answeredAtMs: nowMs };
    if (termsOf(request, { status, lines, ...times }) !== undefined) {
      this.#untilMs.delete(markOf(request));
    }
  }
}

/** Those with credentials get other answers than those without, and are remembered apart. */
function markOf({ key, hasCookie, hasAuthorization }: CacheRequest): string {
  return hasCookie || hasAuthorization ? `credentials ${key}` : key;
}
