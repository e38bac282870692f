import { expect, test } from "bun:test";
import fc from "fast-check";
import { AnswerReader } from "./answer-reader.ts";
import type { ModelEvent } from "./model.ts";

const piece = fc.oneof(
  fc.constantFrom(" word", "é", "漢字", "a😀", "\ud83d", "\ude00", "\0", "\n\n", "data: x"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 8 }),
);

const wire = fc.record({
  pieces: fc.array(piece, { maxLength: 12 }),
  lineEnd: fc.constantFrom("\n", "\r\n", "\r"),
  noise: fc.array(
    fc.constantFrom(
      ": comment",
      'data: {"choices":null}',
      'data: {"choices":[]}',
      'data: {"choices":[{"delta":null}]}',
      'data: {"choices":[{"delta":{"content":null,"reasoning":"hm"}}]}',
      "event: message",
      "data:",
    ),
    { maxLength: 12 },
  ),
  usage: fc.boolean(),
  done: fc.boolean(),
  byteOrderMark: fc.boolean(),
});

function encode(given: typeof wire extends fc.Arbitrary<infer T> ? T : never): Uint8Array {
  const lines: string[] = [];
  for (let i = 0; i < Math.max(given.pieces.length, given.noise.length); i++) {
    const noise = given.noise[i];
    if (noise !== undefined) lines.push(noise);
    const content = given.pieces[i];
    if (content === undefined) continue;
    lines.push(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}`);
  }
  lines.push('data: {"choices":[{"delta":{},"finish_reason":"stop"}]}');
  if (given.usage) {
    lines.push('data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}');
  }
  if (given.done) lines.push("data: [DONE]");
  const text = lines.map((line) => line + given.lineEnd.repeat(2)).join("");
  return new TextEncoder().encode((given.byteOrderMark ? "\ufeff" : "") + text);
}

/** Joins deltas, since where a delta ends depends on where the wire was cut around a lone half. */
function read(pieces: Uint8Array[]): { text: string; rest: ModelEvent[]; failure: unknown } {
  const reader = new AnswerReader(100_000, { model: "m", apiKey: undefined });
  const events = [...pieces.flatMap((bytes) => reader.push(bytes)), ...reader.end()];
  let text = "";
  const rest: ModelEvent[] = [];
  for (const event of events) {
    if (event.type !== "delta") rest.push(event);
    else {
      expect(event.text).not.toBe("");
      expect(event.text.isWellFormed()).toBe(true);
      text += event.text;
    }
  }
  return { text, rest, failure: reader.failure };
}

test("the wire cut at any bytes gives the same answer", () => {
  fc.assert(
    fc.property(wire, fc.array(fc.nat(2000), { maxLength: 40 }), (given, cuts) => {
      const bytes = encode(given);
      const places = [...new Set(cuts.filter((at) => at < bytes.length))].sort((a, b) => a - b);
      const pieces = [0, ...places].map((at, i) => bytes.subarray(at, places[i] ?? bytes.length));

      const cut = read(pieces);

      const expected: ModelEvent[] = [{ type: "end", finishReason: "stop" }];
      if (given.usage) expected.unshift({ type: "usage", promptTokens: 3, completionTokens: 4 });
      expect(cut).toEqual({
        text: given.pieces.join("").replaceAll("\0", "").toWellFormed(),
        rest: expected,
        failure: undefined,
      });
    }),
    { numRuns: 300 },
  );
});

test("the wire byte by byte gives the same answer", () => {
  fc.assert(
    fc.property(wire, (given) => {
      const bytes = encode(given);
      expect(read(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(read([bytes]));
    }),
    { numRuns: 50 },
  );
});

test("any bytes whatever end in one end or one failure, never in both or a throw", () => {
  const json = fc.json().map((text) => new TextEncoder().encode(`data: ${text}\n\n`));
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), json);
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 10 }), (pieces) => {
      const { rest, failure } = read(pieces);
      const ends = rest.filter((event) => event.type === "end").length;
      expect(ends + (failure === undefined ? 0 : 1)).toBe(1);
    }),
    { numRuns: 500 },
  );
});
