import { expect, test } from "bun:test";
import { read } from "./statement.ts";

test("numbers parameters by name, and leaves casts alone", () => {
  const { text, parameters } = read("x", "select :a::int, :b::uuid[], :a, b::text, 'now'::date");
  expect(text).toBe("select $1::int, $2::uuid[], $1, b::text, 'now'::date");
  expect(parameters).toEqual(["a", "b"]);
});
