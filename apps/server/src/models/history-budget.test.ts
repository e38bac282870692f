import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cutHistory } from "./history-budget.ts";
import type { ModelMessage } from "./model.ts";
import { estimateTokens } from "./token-estimate.ts";

const system = (content: string): ModelMessage => ({ role: "system", content });
const user = (content: string): ModelMessage => ({ role: "user", content });
const assistant = (content: string): ModelMessage => ({ role: "assistant", content });

test("what fits is sent as it is", () => {
  const history = [system("Be kind."), user("one"), assistant("two"), user("three")];
  expect(cutHistory(history, 1000)).toEqual(history);
});

test("the oldest go first, whole, and the rest begins with a question", () => {
  const long = "word ".repeat(100);
  const history = [system("s"), user(long), assistant(long), user("a"), assistant("b"), user("c")];
  // Room for one of the long messages: the answer, which its question would leave alone.
  expect(cutHistory(history, 200)).toEqual([system("s"), user("a"), assistant("b"), user("c")]);
});

test("nothing older than what did not fit is sent, however short", () => {
  const history = [
    user("tiny"),
    assistant("word ".repeat(80)),
    user("b"),
    assistant("c"),
    user("d"),
  ];
  expect(cutHistory(history, 100)).toEqual([user("b"), assistant("c"), user("d")]);
});

test("empty messages are left out, and questions that then meet become one", () => {
  const history = [user("a"), assistant(" \n"), user("b"), assistant(""), user("c")];
  expect(cutHistory(history, 1000)).toEqual([user("a\n\nb\n\nc")]);
});

test("the system prompt and the newest question stay, whatever the budget", () => {
  const cut = cutHistory([system("Be kind."), user("old"), assistant("old"), user("new")], 1);
  expect(cut[0]).toEqual(system("Be kind."));
  expect(cut).toHaveLength(2);
  expect(cutHistory([system("Be kind.")], 10)).toEqual([system("Be kind.")]);
  expect(cutHistory([], 10)).toEqual([]);
});

describe("a newest question beyond the budget", () => {
  test("keeps its beginning and its end, and says what is missing", () => {
    const paste = "line of a log\n".repeat(10_000);
    const [question] = cutHistory([user(`Explain this:\n${paste}\nWhy does it fail?`)], 1000);
    expect(question!.content).toStartWith("Explain this:\n");
    expect(question!.content).toEndWith("\nWhy does it fail?");
    expect(question!.content).toMatch(/\[… \d+ characters left out here …\]/);
    expect(estimateTokens(question!.content)).toBeWithin(900, 1001);
  });

  test.each(["漢字", "😀", "слово ", "word "])("uses the budget in any script: %p", (unit) => {
    const [question] = cutHistory([user(unit.repeat(20_000))], 500);
    expect(question!.content.isWellFormed()).toBe(true);
    expect(estimateTokens(question!.content)).toBeWithin(440, 501);
  });
});

test("the budget is kept by any history, and roles alternate", () => {
  const message = fc.record({
    role: fc.constantFrom("user" as const, "assistant" as const),
    content: fc.string({ unit: "grapheme", maxLength: 200, size: "max" }),
  });
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 30 }),
      fc.integer({ min: 60, max: 600 }),
      (history, budget) => {
        const asked = [...history, user("and now?")];
        const cut = cutHistory(asked, budget);
        const total = cut.reduce((sum, { content }) => sum + estimateTokens(content), 0);
        expect(total).toBeLessThanOrEqual(budget);
        expect(cut.at(-1)!.content).toEndWith("and now?");
        for (const [i, { role }] of cut.entries())
          expect(role).toBe(i % 2 === 0 ? "user" : "assistant");
      },
    ),
  );
});

test("of a long history only what is kept is read, and the one that did not fit", () => {
  const countReads = (count: number) => {
    const read = new Set<number>();
    const history = Array.from(
      { length: count },
      (_, i): ModelMessage => ({
        role: i % 2 === 0 ? "user" : "assistant",
        get content() {
          read.add(i);
          return "x".repeat(1000);
        },
      }),
    );
    const kept = cutHistory([...history, user("q")], 4000);
    return { read: read.size, kept: kept.length };
  };
  const short = countReads(100);
  expect(short.read).toBeWithin(short.kept - 1, short.kept + 3);
  expect(countReads(20_000)).toEqual(short);
});

test("estimates are near what tokenizers count", () => {
  const english = "The quick brown fox jumps over the lazy dog, and nobody minds. ".repeat(16);
  expect(english.length / estimateTokens(english)).toBeWithin(3, 4.5);
  const chinese = "今天天气很好我们去公园散步吧".repeat(16);
  expect(estimateTokens(chinese) / chinese.length).toBeWithin(1, 1.6);
  const code = "for (let i = 0; i < n; i++) { total += items[i].price; }\n".repeat(16);
  expect(code.length / estimateTokens(code)).toBeWithin(2, 3.5);
  expect(estimateTokens("")).toBe(0);
});
