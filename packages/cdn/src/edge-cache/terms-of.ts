import type { CacheRequest } from "./cache-request.ts";
import { fieldsOf, type HeaderLines } from "./header-lines.ts";
import { isPlainlyUnkept, judge, type Terms } from "./rules/judge.ts";

/** An answer, and when it was asked for. */
export type TimedAnswer = {
  readonly status: number;
  readonly lines: HeaderLines;
  /** Whether the server was asked about what is stored, and not what the client asked. */
  readonly isRenewal: boolean;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
};

/** On what terms the answer to a request may be kept; undefined where it may not. */
export function termsOf(request: CacheRequest, answer: TimedAnswer): Terms | undefined {
  const { status, lines, isRenewal, askedAtMs, answeredAtMs } = answer;
  if (isPlainlyUnkept(lines)) return undefined;
  return judge(
    {
      hasAuthorization: request.hasAuthorization,
      hasCookie: request.hasCookie,
      asksForPart: !isRenewal && (request.range ?? request.ifNoneMatch) !== undefined,
      directives: request.directives,
    },
    { status, fields: fieldsOf(lines), askedAtMs, answeredAtMs },
  );
}
