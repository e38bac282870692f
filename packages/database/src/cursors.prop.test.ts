import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  decodeConversationCursor,
  decodeMessageCursor,
  encodeConversationCursor,
} from "./cursors.ts";
import { InvalidCursorError } from "./errors.ts";

test("every moment and id survives a cursor", () => {
  const moment = fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true });
  fc.assert(
    fc.property(moment, fc.uuid(), (updatedAt, id) => {
      const cursor = encodeConversationCursor({ updatedAt: updatedAt.toISOString(), id });
      expect(decodeConversationCursor(cursor)).toEqual({ updatedAt, id });
    }),
  );
});

test("whatever a client makes up is taken or refused, never anything else", () => {
  const almost = fc
    .tuple(fc.string({ maxLength: 3 }), fc.nat(), fc.uuid(), fc.string({ maxLength: 3 }))
    .map(([before, ms, id, after]) => `${before}${ms}_${id}${after}`);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.uuid(), almost), (cursor) => {
      for (const decode of [decodeConversationCursor, decodeMessageCursor]) {
        try {
          decode(cursor);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidCursorError);
        }
      }
    }),
  );
});
