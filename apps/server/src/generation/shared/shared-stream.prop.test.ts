import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ModelEvent } from "../../models/model.ts";
import { SharedStream } from "./shared-stream.ts";

type Step = { do: "append"; text: string } | { do: "join" } | { do: "leave"; reader: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("append" as const),
    text: fc.oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 12_000 }).map((length) => "a😀".repeat(length)),
    ),
  }),
  fc.record({ do: fc.constant("join" as const) }),
  fc.record({ do: fc.constant("leave" as const), reader: fc.nat(9) }),
);

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Reads until the end, or until it leaves. */
function read(stream: SharedStream) {
  const leave = new AbortController();
  const reader = { text: "", last: undefined as ModelEvent | undefined, hasLeft: false };
  const run = async () => {
    for await (const event of stream.read(leave.signal)) {
      reader.last = event;
      if (event.type !== "delta") continue;
      expect(event.text.length).toBeLessThanOrEqual(4096);
      expect(event.text.isWellFormed()).toBe(true);
      reader.text += event.text;
    }
  };
  const done = run().catch((error) => {
    expect(error).toBe(leave.signal.reason);
    reader.hasLeft = true;
  });
  return { reader, done, leave: () => leave.abort() };
}

test("every reader gets the whole, in order and in small pieces, whenever it joins", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      let deserted = 0;
      let expectedDesertions = 0;
      let text = "";
      const stream = new SharedStream(() => deserted++);
      const readers: ReturnType<typeof read>[] = [];
      for (const each of steps) {
        if (each.do === "append") {
          stream.append(each.text);
          text += each.text;
        } else if (each.do === "join") readers.push(read(stream));
        else {
          const before = stream.readerCount;
          readers[each.reader]?.leave();
          await settled();
          if (before === 1 && stream.readerCount === 0) expectedDesertions++;
        }
        await settled();
        expect(deserted).toBe(expectedDesertions);
      }
      stream.end({ usage: null, finishReason: "stop" });
      await Promise.all(readers.map(({ done }) => done));
      for (const { reader } of readers) {
        if (reader.hasLeft) expect(text.startsWith(reader.text)).toBe(true);
        else {
          expect(reader.text).toBe(text);
          expect(reader.last).toEqual({ type: "end", finishReason: "stop" });
        }
      }
      expect(stream.readerCount).toBe(0);
      expect(stream.text()).toBe(text);
      expect(deserted).toBe(expectedDesertions);
    }),
    { numRuns: 200 },
  );
});
