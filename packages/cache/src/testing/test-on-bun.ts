import { gc } from "bun";

export { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";

export function collectGarbage(): void {
  gc(true);
}
