import { expect, test } from "bun:test";
import type { ModelRequest } from "../../models/model.ts";
import { isRepeatable, keyText, requestKey } from "./request-key.ts";

const request: ModelRequest = {
  model: "m",
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Why?" },
  ],
  temperature: 0,
  maxTokens: 100,
  priority: "interactive",
  conversationId: "c",
  user: "u",
};
const textFor = (owner: string, change: Partial<ModelRequest> = {}) =>
  keyText(requestKey(owner, { ...request, ...change }));

test("a key is the owner, and a hash of everything the answer depends on", () => {
  const { owner, request: hash } = requestKey("ada", request);
  expect(owner).toBe("ada");
  expect(hash).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

test("another owner, model, parameter or history is another key", () => {
  const [system, question] = request.messages;
  if (!system || !question) throw new Error("no messages");
  const keys = [
    textFor("ada"),
    textFor("eve"),
    textFor("ada", { model: "n" }),
    textFor("ada", { temperature: 0.5 }),
    textFor("ada", { temperature: 1 }),
    textFor("ada", { maxTokens: 101 }),
    textFor("ada", { messages: [question] }),
    textFor("ada", { messages: [question, system] }),
    textFor("ada", { messages: [system, { ...question, content: "Why? " }] }),
    textFor("ada", { messages: [system, { ...question, role: "assistant" }] }),
    textFor("ada", { messages: [system, { role: "user", content: "" }, question] }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test("where a request comes from, and how urgent it is, is no part of the key", () => {
  expect(textFor("ada", { conversationId: "d", priority: "background", user: "v" })).toBe(
    textFor("ada"),
  );
  expect(textFor("ada", { share: { owner: "ada", fresh: true } })).toBe(textFor("ada"));
});

test("an owner cannot be written so that the key becomes another's", () => {
  const hash = requestKey("ada", request).request;
  expect(textFor(`${hash}:ada`)).not.toBe(textFor("ada"));
  expect(textFor("a:b")).not.toBe(textFor("b"));
});

test("repeatable is what has temperature 0, or is said to be", () => {
  expect(isRepeatable({ temperature: 0 }, { cacheAnswers: false })).toBe(true);
  expect(isRepeatable({}, { cacheAnswers: true })).toBe(true);
  expect(isRepeatable({}, { cacheAnswers: false })).toBe(false);
  expect(isRepeatable({ temperature: 0.1 }, { cacheAnswers: false })).toBe(false);
});
