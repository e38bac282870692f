import { expect, test } from "bun:test";
import {
  decodeConversationCursor,
  decodeMessageCursor,
  encodeConversationCursor,
} from "./cursors.ts";
import { InvalidCursorError } from "./errors.ts";

const id = "01890000-0000-7000-8000-00000000000a";

test("a cursor gives back what it was made of", () => {
  const updatedAt = "2026-01-02T03:04:05.678Z";
  const cursor = encodeConversationCursor({ id, updatedAt });
  expect(decodeConversationCursor(cursor)).toEqual({ updatedAt: new Date(updatedAt), id });
  expect(decodeMessageCursor(id)).toBe(id);
});

test.each([
  "",
  id,
  `1_${id}x`,
  `-1_${id}`,
  `1234567890123456_${id}`,
  `1_${id.toUpperCase()}`,
  "1_'; drop table users",
  `1_${id}\0`,
])("refuses %p as a cursor of conversations", (cursor) => {
  expect(() => decodeConversationCursor(cursor)).toThrow(InvalidCursorError);
});

test.each(["", "x", `${id} `, `1_${id}`, `${id}\n`])(
  "refuses %p as a cursor of messages",
  (cursor) => {
    expect(() => decodeMessageCursor(cursor)).toThrow(InvalidCursorError);
  },
);
