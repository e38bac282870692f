import { expect, test } from "bun:test";
import { idOf, manualFrames, message } from "../testing/samples.ts";
import { localMessage } from "./local-message.ts";
import { MessageList } from "./message-list.ts";

/** Newest first, as the server sends a page. */
const page = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => message(to - i));

function listOf(from: number, to: number): MessageList {
  const list = new MessageList(manualFrames());
  list.mergeNewest(page(from, to));
  return list;
}

const ids = (list: MessageList) => list.entries.value.map((entry) => entry.id);
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => idOf(from + i));

test("puts older pages in front, oldest first, each message once", () => {
  const list = listOf(51, 60);
  list.prepend(page(42, 51));
  expect(ids(list)).toEqual(range(42, 60));
});

test("a newer page that reaches back keeps what is older, under the same keys", () => {
  const list = listOf(1, 10);
  const keys = list.entries.value.map((entry) => entry.key);
  expect(list.mergeNewest(page(6, 14))).toBe(true);
  expect(ids(list)).toEqual(range(1, 14));
  expect(list.entries.value.slice(0, 10).map((entry) => entry.key)).toEqual(keys);
});

test("a page that does not reach back replaces all, rather than leaving a hole", () => {
  const list = listOf(1, 10);
  expect(list.mergeNewest(page(20, 25))).toBe(false);
  expect(ids(list)).toEqual(range(20, 25));
});

test("what was deleted or replaced elsewhere goes", () => {
  const list = listOf(1, 10);
  list.mergeNewest([message(12), ...page(6, 9)]);
  expect(ids(list)).toEqual([...range(1, 9), idOf(12)]);
});

test("what the server does not know yet stays at the end", () => {
  const list = listOf(1, 4);
  const local = list.create(localMessage("user", { conversationId: null, content: "new" }));
  list.append(local);
  list.mergeNewest(page(1, 6));
  expect(ids(list)).toEqual([...range(1, 6), local.id]);
});

test("an answer that replaces another takes its place", () => {
  const list = listOf(1, 4);
  list.upsert(message(6), idOf(4));
  expect(ids(list)).toEqual([...range(1, 3), idOf(6)]);
  list.upsert(message(6, { content: "done" }), idOf(4));
  expect(list.last?.text).toBe("done");
  expect(ids(list)).toHaveLength(4);
});

test("a message older than all that is loaded is left for loading", () => {
  const list = listOf(51, 60);
  expect(list.upsert(message(7))).toBeUndefined();
  expect(ids(list)).toEqual(range(51, 60));
});
