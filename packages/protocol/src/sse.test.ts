import { expect, test } from "bun:test";
import fc from "fast-check";
import { type ServerSentEvent, SseParser } from "./sse.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function parse(pieces: Uint8Array[]): ServerSentEvent[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

test("reads type, id and data over several lines", () => {
  expect(parse([encode(": hello\nid: 7\nevent: delta\ndata: a\ndata:b\n\n")])).toEqual([
    { type: "delta", id: "7", data: "a\nb" },
  ]);
});

test("keeps the id, forgets the type, skips comments and events without data", () => {
  expect(parse([encode("id: 1\nevent: x\n\n:\n\ndata\n\nretry: 5\n\n")])).toEqual([
    { type: "message", id: "1", data: "" },
  ]);
});

test("drops what the end of the stream cuts off", () => {
  expect(parse([encode("data: whole\n\ndata: half")])).toEqual([
    { type: "message", id: undefined, data: "whole" },
  ]);
});

test("a line that never ends throws instead of filling the memory", () => {
  const parser = new SseParser(100);
  expect(() => parser.push(encode(`data: ${"x".repeat(200)}`))).toThrow(RangeError);
});

test("gives the same events wherever the bytes are cut and however lines end", () => {
  const text = fc
    .string({ unit: "grapheme", maxLength: 20 })
    .map((s) => s.replace(/[\r\n\0]/g, ""));
  fc.assert(
    fc.property(
      fc.array(text, { minLength: 1, maxLength: 5 }),
      fc.constantFrom("\n", "\r", "\r\n"),
      fc.array(fc.nat(400), { maxLength: 12 }),
      (values, newline, cuts) => {
        const stream = values.map((v, i) => `id: ${i}${newline}data: ${v}${newline}${newline}`);
        const bytes = encode(stream.join(""));
        const edges = [0, ...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b)];
        const pieces = edges.map((edge, i) => bytes.subarray(edge, edges[i + 1] ?? bytes.length));
        expect(parse(pieces)).toEqual(
          values.map((data, i) => ({ type: "message", id: String(i), data })),
        );
      },
    ),
  );
});
