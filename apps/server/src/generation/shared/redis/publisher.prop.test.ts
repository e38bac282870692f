import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameClock } from "../../frame-clock.ts";
import { SharedStream } from "../shared-stream.ts";
import type { AnswerEntry } from "./answer-entry.ts";
import { Publisher } from "./publisher.ts";

/** A Redis stream whose writes fail when they are told to, before or after they are done. */
class Entries {
  readonly list: AnswerEntry[] = [];
  most = 0;
  writes = 0;
  fault: "none" | "before" | "after" = "none";

  async write(entry: AnswerEntry, isWhole: boolean): Promise<void> {
    await Promise.resolve();
    if (this.fault === "before") throw new Error("refused");
    this.writes++;
    if (isWhole) this.list.length = 0;
    this.list.push(entry);
    this.most = Math.max(this.most, this.list.length);
    if (this.fault === "after") throw new Error("no reply");
  }

  /** What a reader makes of the entries; it must find no gap. */
  text(): string {
    let text = "";
    for (const entry of this.list) {
      expect(entry.at).toBeLessThanOrEqual(text.length);
      text += entry.text.slice(text.length - entry.at);
    }
    return text;
  }
}

function setUp() {
  let nowMs = 0;
  const entries = new Entries();
  const stream = new SharedStream(() => {});
  const publisher = new Publisher(stream, new FrameClock(0, () => nowMs++), (entry, isWhole) =>
    entries.write(entry, isWhole),
  );
  return { entries, stream, publisher };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

type Step =
  | { do: "say"; text: string }
  | { do: "fault"; fault: Entries["fault"] }
  | { do: "restart" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("say" as const), text: fc.string({ minLength: 1, maxLength: 9 }) }),
  fc.record({
    do: fc.constant("fault" as const),
    fault: fc.constantFrom("none" as const, "before" as const, "after" as const),
  }),
  fc.record({ do: fc.constant("restart" as const) }),
);

test("whatever writes fail, what is there has no gap, and with the rest it is the whole", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 60 }), async (steps) => {
      const { entries, stream, publisher } = setUp();
      publisher.start();
      for (const [each, waits] of steps) {
        if (each.do === "say") stream.append(each.text);
        else if (each.do === "fault") entries.fault = each.fault;
        else {
          publisher.stop();
          publisher.start();
        }
        if (waits) await settled();
        expect(stream.text().startsWith(entries.text())).toBe(true);
      }
      await settled();
      const { at, text } = publisher.rest();
      entries.list.push({ at, text });
      expect(entries.text()).toBe(stream.text());
    }),
    { numRuns: 300 },
  );
});

test("the stream stays bounded however long the answer, and the whole of it stays there", async () => {
  const { entries, stream, publisher } = setUp();
  publisher.start();
  for (let i = 0; i < 5000; i++) {
    stream.append(`${i} `);
    await settled();
  }
  expect(entries.writes).toBe(5000);
  expect(entries.most).toBe(2048);
  expect(entries.text()).toBe(stream.text());
});

test("what was being written when the last reader left is written again for the next", async () => {
  const { entries, stream, publisher } = setUp();
  publisher.start();
  stream.append("one");
  publisher.stop();
  await settled();
  entries.list.length = 0; // it has run out
  publisher.start();
  await settled();
  expect(entries.text()).toBe("one");
});
