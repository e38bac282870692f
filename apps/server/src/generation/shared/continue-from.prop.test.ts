import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ModelEvent } from "../../models/model.ts";
import { ModelError } from "../../models/model-error.ts";
import { continueFrom } from "./continue-from.ts";

async function* eventsOf(pieces: string[]): AsyncGenerator<ModelEvent> {
  for (const text of pieces) if (text !== "") yield { type: "delta", text };
  yield { type: "end", finishReason: "stop" };
}

async function resultOf(prefix: string, pieces: string[]) {
  let text = "";
  let isWhole = false;
  try {
    for await (const event of continueFrom(prefix, eventsOf(pieces))) {
      if (event.type === "delta") text += event.text;
      isWhole = event.type === "end";
    }
  } catch (error) {
    if (!(error instanceof ModelError) || error.code !== "model_interrupted") throw error;
  }
  return { text, isWhole };
}

const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "😀"), maxLength: 6 }));

test("what follows a prefix is passed on, however the answer is cut", async () => {
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(60), async (list, length) => {
      const text = list.join("");
      const prefix = text.slice(0, Math.min(length, text.length));
      fc.pre(prefix.isWellFormed());
      expect(await resultOf(prefix, list)).toEqual({
        text: text.slice(prefix.length),
        isWhole: true,
      });
    }),
  );
});

test("an answer that does not begin with the prefix ends as interrupted, and adds nothing", async () => {
  await fc.assert(
    fc.asyncProperty(pieces, pieces, async (list, other) => {
      const prefix = other.join("");
      fc.pre(!list.join("").startsWith(prefix));
      expect(await resultOf(prefix, list)).toEqual({ text: "", isWhole: false });
    }),
  );
});
