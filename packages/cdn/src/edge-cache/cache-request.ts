import type { Directives } from "./rules/directives.ts";
import type { FieldReader } from "./rules/vary.ts";

/** A request as the cache sees it: a GET, or a HEAD that a GET's answer may do for. */
export type CacheRequest = {
  readonly method: "GET" | "HEAD";
  /** Scheme, host and target. */
  readonly key: string;
  readonly target: string;
  readonly directives: Directives;
  readonly hasAuthorization: boolean;
  readonly hasCookie: boolean;
  /** It has a Range, or a condition that only the server can judge, such as If-Match. */
  readonly range: string | undefined;
  readonly isForServer: boolean;
  readonly ifRange: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  /** Any other field. */
  readonly read: FieldReader;
};
