import { expect, test } from "bun:test";
import { demonstrationModel } from "./demonstration-model.ts";
import type { Model, ModelRequest } from "./model.ts";
import { cleanTitle, makeTitle } from "./title-prompt.ts";

test.each([
  ["Fixing a bicycle", "Fixing a bicycle"],
  ['"Fixing a bicycle"', "Fixing a bicycle"],
  ["“Fixing a bicycle”.", "Fixing a bicycle"],
  ["«Ремонт велосипеда»", "Ремонт велосипеда"],
  ["「自転車の修理」", "自転車の修理"],
  ["Title: Fixing a bicycle", "Fixing a bicycle"],
  ["**Title:** *Fixing a bicycle*", "Fixing a bicycle"],
  ["标题：修理自行车", "修理自行车"],
  ["# Fixing a bicycle\n\nThis title says…", "Fixing a bicycle"],
  ["\n\n  - Fixing a bicycle  \n", "Fixing a bicycle"],
  ["<think>They want a title.\nHm.</think>\n\nFixing a bicycle", "Fixing a bicycle"],
  ['{"title": "Fixing \\"a\\" bicycle"}', 'Fixing "a" bicycle'],
  ['```json\n{"title":"Fixing a bicycle"}\n```', "Fixing a bicycle"],
  ["```\nFixing a bicycle\n```", "Fixing a bicycle"],
  ["Fixing\u0000 a \u202ebicycle", "Fixing a bicycle"],
  ["What is C++?", "What is C++?"],
  ["And then…", "And then…"],
])("%p becomes %p", (given, expected) => {
  expect(cleanTitle(given)).toBe(expected);
});

test.each(["", "  \n ", '""', "<think>I never stop", "```\n```", "---", "Title:", "**"])(
  "%p is no title",
  (given) => {
    expect(cleanTitle(given)).toBeNull();
  },
);

test("a long title is cut at a word, a long word anywhere but in a character", () => {
  expect(cleanTitle("word ".repeat(50))).toBe(`${"word ".repeat(15).trim()}…`);
  const emoji = cleanTitle("😀".repeat(200))!;
  expect(emoji.isWellFormed()).toBe(true);
  expect(emoji.length).toBeLessThanOrEqual(80);
});

function saying(text: string, seen: ModelRequest[] = []): Model {
  return {
    async *stream(request) {
      seen.push(request);
      for (const letter of text) yield { type: "delta", text: letter };
      yield { type: "end", finishReason: "stop" };
    },
  };
}

const input = {
  model: "m",
  question: "How do I fix a flat tyre?",
  answer: "Like this.",
  conversationId: "c",
};
const never = new AbortController().signal;

test("asks in the background, with a bounded part of the conversation", async () => {
  const seen: ModelRequest[] = [];
  const long = { ...input, question: "q".repeat(100_000), answer: "a".repeat(100_000) };
  expect(await makeTitle(saying("A title", seen), long, never)).toBe("A title");
  expect(seen[0]).toMatchObject({ model: "m", conversationId: "c", priority: "background" });
  expect(JSON.stringify(seen[0]).length).toBeLessThan(6000);
});

test("falls back on the question", async () => {
  expect(await makeTitle(saying("<think>"), input, never)).toBe("How do I fix a flat tyre?");
  expect(await makeTitle(saying(""), { ...input, question: "???" }, never)).toBe(
    "New conversation",
  );
});

test("the demonstration model makes titles of the first words", async () => {
  const model = demonstrationModel({ tokensPerSecond: Number.POSITIVE_INFINITY });
  expect(await makeTitle(model, input, never)).toBe("How do I fix a flat");
  expect(await makeTitle(model, { ...input, question: "hi" }, never)).toBe("Hi");
});
