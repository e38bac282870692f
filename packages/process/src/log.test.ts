import { expect, test } from "bun:test";
import { createLog } from "./log.ts";

function written(isTTY: boolean, level: Parameters<typeof createLog>[0] = "info"): string {
  let text = "";
  const out = { isTTY, write: (piece: string) => (text += piece) };
  const log = createLog(level, out as unknown as NodeJS.WriteStream);
  log.debug({}, "hidden");
  log.warn({ server: "a", err: new Error("it broke") }, "a server failed");
  return text;
}

test("a machine gets a line of JSON, with the error's stack", () => {
  const line = JSON.parse(written(false));
  expect(line).toMatchObject({ level: "warn", msg: "a server failed", server: "a" });
  expect(line.err.message).toBe("it broke");
  expect(line.err.stack).toContain("log.test.ts");
});

test("a person gets the sentence first, then the fields", () => {
  const text = written(true);
  expect(text).not.toContain("hidden");
  expect(text).toContain("a server failed");
  expect(text).toContain("server=a");
  expect(text).toContain("Error: it broke");
});

test("silent is silent", () => {
  expect(written(false, "silent")).toBe("");
});
