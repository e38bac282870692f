import { expect, test } from "bun:test";
import { retryAfterMs } from "./retry-after.ts";

const now = Date.UTC(2026, 0, 1);

test.each([
  [{ "retry-after": "12" }, 12_000],
  [{ "retry-after": "0.5" }, 500],
  [{ "retry-after": new Date(now + 30_000).toUTCString() }, 30_000],
  [{ "retry-after": new Date(now - 30_000).toUTCString() }, 0],
  [{ "retry-after": "999999999" }, 86_400_000],
  [{ "retry-after": "2", "retry-after-ms": "1500" }, 1500],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after": "-5x" }, undefined],
  [{}, undefined],
] as [Record<string, string>, number | undefined][])("%p is %p ms", (headers, expected) => {
  expect(retryAfterMs(new Headers(headers), now)).toBe(expected);
});
