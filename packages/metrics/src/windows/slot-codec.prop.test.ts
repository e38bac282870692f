import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Slot } from "./slot.ts";
import { decodeSlot, encodeSlot, SlotFormatError } from "./slot-codec.ts";
import { TimeHistogram } from "./time-histogram.ts";

const name = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: "grapheme", maxLength: 9 }));
const count = fc.maxSafeNat();
/** As exact as they are kept. */
const amount = fc.float({ noNaN: true });
const slots: fc.Arbitrary<Slot> = fc.record({
  counts: fc.array(fc.tuple(name, count)).map((entries) => new Map(entries)),
  values: fc
    .array(fc.tuple(name, fc.record({ count, sum: amount, max: amount })))
    .map((entries) => new Map(entries)),
  times: fc
    .array(
      fc.tuple(
        name,
        fc
          .array(fc.tuple(fc.nat(223), fc.nat(1e6)))
          .map((pairs) => new TimeHistogram(undefined, new Map(pairs))),
      ),
    )
    .map((entries) => new Map(entries)),
});

test("what is written is read again", () => {
  fc.assert(
    fc.property(slots, (slot) => {
      const read = decodeSlot(encodeSlot(slot));
      expect(read.counts).toEqual(slot.counts);
      expect(read.values).toEqual(slot.values);
      expect(new Set(read.times.keys())).toEqual(new Set(slot.times.keys()));
      for (const [key, histogram] of slot.times) {
        const same = read.times.get(key);
        expect(same?.count).toBe(histogram.count);
        for (const [bucket, n] of histogram.buckets) expect(same?.buckets.get(bucket)).toBe(n);
      }
    }),
  );
});

test("a slot that is cut off anywhere is an error, never half a slot", () => {
  fc.assert(
    fc.property(slots, fc.nat(), (slot, at) => {
      const bytes = encodeSlot(slot);
      expect(() => decodeSlot(bytes.subarray(0, at % bytes.length))).toThrow(SlotFormatError);
    }),
  );
});

test("another version is not misread", () => {
  expect(() => decodeSlot(new Uint8Array([3, 0, 0, 0]))).toThrow("version 3");
});
