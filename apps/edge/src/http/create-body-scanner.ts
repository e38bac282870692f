import type { BodyScanner } from "./body-scanner.ts";
import { ChunkedScanner } from "./chunked-scanner.ts";
import { LengthScanner } from "./length-scanner.ts";
import type { BodyLength } from "./request-head.ts";

export function createBodyScanner(length: BodyLength): BodyScanner {
  if (length === "chunked") return new ChunkedScanner();
  return new LengthScanner(length === "until_close" ? Number.POSITIVE_INFINITY : length);
}
