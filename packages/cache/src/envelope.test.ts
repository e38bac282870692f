import fc from "fast-check";
import { describe, expect, test } from "#test";
import { type Envelope, packEnvelope, unpackEnvelope } from "./envelope.ts";

const envelope: Envelope = {
  key: "thing:me:1",
  epoch: "e1",
  seq: 1_795_000_000_000,
  tags: ["a", "b:c"],
  freshUntil: 10,
  expiresAt: 20,
  body: new TextEncoder().encode(JSON.stringify({ text: "hello ".repeat(2000) })),
};

describe("envelopes", () => {
  test("give back what was put in, compressed or not, there or not there", () => {
    for (const limit of [0, 1e9]) {
      const packed = packEnvelope(envelope, limit);
      const back = unpackEnvelope(packed, envelope.key) as Envelope;
      expect({ ...back, body: new TextDecoder().decode(back.body) }).toEqual({
        ...envelope,
        body: new TextDecoder().decode(envelope.body),
      });
    }
    const nothing = { ...envelope, body: undefined };
    expect(unpackEnvelope(packEnvelope(nothing, 0), envelope.key)).toEqual(nothing);
  });

  test("are compressed above the limit", () => {
    expect(packEnvelope(envelope, 2048).length).toBeLessThan(1000);
    expect(packEnvelope(envelope, 1e9).length).toBeGreaterThan(12_000);
  });

  test("from the future are told apart", () => {
    const packed = packEnvelope(envelope, 0);
    packed[2] = 2;
    expect(unpackEnvelope(packed, envelope.key)).toBe("future");
    packed[2] = 1;
    packed[3] = 128;
    expect(unpackEnvelope(packed, envelope.key)).toBe("future");
  });

  test("of another key are foreign: one owner's value never answers another", () => {
    expect(unpackEnvelope(packEnvelope(envelope, 0), "thing:you:1")).toBe("foreign");
  });

  test("of anything else, or cut short, are words and never a crash", () => {
    const packed = packEnvelope(envelope, 0);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof unpackEnvelope(Buffer.from(bytes), envelope.key)).toBe("string");
      }),
    );
    for (let length = 0; length < packed.length; length++) {
      expect(typeof unpackEnvelope(packed.subarray(0, length), envelope.key)).toBe("string");
    }
  });
});
