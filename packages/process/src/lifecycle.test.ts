import { expect, test } from "bun:test";
import { Lifecycle } from "./lifecycle.ts";

test("what was opened is closed once, in reverse order, and a failure holds nothing up", async () => {
  const closed: string[] = [];
  const errors: string[] = [];
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (_: object, text: string) => void errors.push(text),
  };
  const lifecycle = new Lifecycle(log);
  lifecycle.onClose("first", () => closed.push("first"));
  lifecycle.onClose("second", () => Promise.reject(new Error("it will not")));
  lifecycle.onClose("third", async () => {
    await Bun.sleep(5);
    closed.push("third");
  });
  await Promise.all([lifecycle.close(), lifecycle.close()]);
  expect(closed).toEqual(["third", "first"]);
  expect(errors).toEqual(["closing second failed"]);
});
