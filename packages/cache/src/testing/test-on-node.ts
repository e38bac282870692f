import { after, before, test as nodeTest } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export { afterEach, beforeEach, describe } from "node:test";
/** The few words of `bun:test` that the tests of this package use, on Node's own runner. */
export { expect } from "expect";

type Body = () => void | Promise<void>;

export function test(name: string, body: Body, timeoutMs = 5000): void {
  nodeTest(name, { timeout: timeoutMs }, async () => {
    await body();
  });
}

export function beforeAll(body: Body, timeoutMs = 5000): void {
  before(body, { timeout: timeoutMs });
}

export function afterAll(body: Body, timeoutMs = 5000): void {
  after(body, { timeout: timeoutMs });
}

export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
