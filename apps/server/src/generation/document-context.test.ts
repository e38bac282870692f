import { expect, test } from "bun:test";
import type { AttachedText } from "@peregrine/database";
import { estimateTokens } from "../models/token-estimate.ts";
import { type AskedMessage, documentTokens, withDocuments } from "./document-context.ts";

function textOf(messageId: string, content: string | null, name = "a.txt"): AttachedText {
  return { messageId, name, mediaType: "text/plain", sizeBytes: 7, content, isCut: false };
}
const asked: AskedMessage[] = [
  { role: "user", content: "First", withFiles: "1" },
  { role: "assistant", content: "Yes" },
  { role: "user", content: "Second", withFiles: "2" },
];

test("texts stand before the words of the message they came with", () => {
  const texts = [textOf("2", "two"), textOf("1", "one"), textOf("1", null, "b.png")];
  expect(withDocuments(asked, texts, 16_000)).toEqual([
    {
      role: "user",
      content:
        '[Attached file "a.txt"]\none\n[End of "a.txt"]\n\n[Attached file "b.png": text/plain, 7 bytes, without readable text]\n\nFirst',
    },
    { role: "assistant", content: "Yes" },
    { role: "user", content: '[Attached file "a.txt"]\ntwo\n[End of "a.txt"]\n\nSecond' },
  ]);
});

test("messages without files are as they were", () => {
  const plain: AskedMessage[] = [{ role: "user", content: "Hello" }];
  expect(withDocuments(plain, [], 16_000)).toEqual([{ role: "user", content: "Hello" }]);
});

test("the newest file has the room first; what has none left is named", () => {
  const texts = [textOf("2", "word ".repeat(50_000), "new.txt"), textOf("1", "old", "old.txt")];
  const [first, , second] = withDocuments(asked, texts, 4_000);
  expect(first?.content).toBe(
    '[Attached file "old.txt": left out, there is no room for it]\n\nFirst',
  );
  expect(second?.content).toContain("[Cut here: the file goes on]\n\nSecond");
  const tokens = estimateTokens(second?.content ?? "");
  expect(tokens).toBeLessThan(documentTokens(4_000) + 50);
  expect(tokens).toBeGreaterThan(documentTokens(4_000) * 0.9);
});

test("a text of which more was not read says so", () => {
  const [, , second] = withDocuments(asked, [{ ...textOf("2", "two"), isCut: true }], 16_000);
  expect(second?.content).toBe(
    '[Attached file "a.txt"]\ntwo\n[Cut here: the file goes on]\n\nSecond',
  );
});
