import { expect, test } from "bun:test";
import type { MessageListBody } from "@peregrine/protocol";
import type { MessagePlace } from "../api/api.ts";
import { ApiError } from "../api/api-error.ts";
import { idOf, manualFrames, message } from "../testing/samples.ts";
import { MessageList } from "./message-list.ts";
import { MessageSpan } from "./message-span.ts";

/** A server with messages 1 to `count`, ten a page. */
function setUp(count: number) {
  const server = { count, asked: [] as MessagePlace[], isAway: false };
  const page = (from: number, to: number): MessageListBody => {
    const [first, last] = [Math.max(1, from), Math.min(server.count, to)];
    const messages = Array.from({ length: last - first + 1 }, (_, i) => message(last - i));
    return { messages, nextCursor: first > 1 ? idOf(first) : null };
  };
  const numberOf = (id: string) => Number(id.slice(-12));
  const fetch = async (place: MessagePlace): Promise<MessageListBody> => {
    server.asked.push(place);
    if (server.isAway) throw ApiError.network(new Error("away"));
    if ("cursor" in place) return page(numberOf(place.cursor) - 10, numberOf(place.cursor) - 1);
    if (!("around" in place || "after" in place)) return page(server.count - 9, server.count);
    const [from, to] =
      "around" in place
        ? [numberOf(place.around) - 5, numberOf(place.around) + 4]
        : [numberOf(place.after) + 1, numberOf(place.after) + 10];
    return { ...page(from, to), newerCursor: to < server.count ? idOf(to) : null };
  };
  const messages = new MessageList(manualFrames());
  let isHeld = false;
  const span = new MessageSpan({
    messages,
    isNew: false,
    fetch,
    isHeld: () => isHeld,
    onLeave: () => {},
    onLoaded: () => {},
    onRest: () => {},
  });
  const shown = () => {
    const numbers = messages.entries.value.map((entry) => numberOf(entry.id));
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i));
    return [numbers[0], numbers.at(-1)];
  };
  const hold = (held: boolean) => {
    isHeld = held;
  };
  return { server, messages, span, shown, hold };
}

test("begins around a message, and grows both ways to the first and the newest", async () => {
  const { server, span, shown } = setUp(100);
  expect(await span.showMessage(idOf(50))).toBe("shown");
  expect(server.asked).toEqual([{ around: idOf(50) }]);
  expect(span.load.value).toBe("ready");
  expect(span.target.value?.entry.id).toBe(idOf(50));
  expect(shown()).toEqual([45, 54]);
  while (!span.isAtNewest) await span.loadNewer();
  while (span.olderCursor.value !== null) await span.loadOlder();
  expect(shown()).toEqual([1, 100]);
});

test("a message that is loaded is gone to without other messages in its place", async () => {
  const { server, span, shown } = setUp(100);
  await span.refresh();
  const { piece } = span;
  const before = piece.value;
  expect(await span.showMessage(idOf(95))).toBe("shown");
  expect(span.target.value?.entry.id).toBe(idOf(95));
  expect(piece.value).toBe(before);
  expect(server.asked).toEqual([{}, {}]);
  await span.showMessage(idOf(20));
  expect(piece.value).not.toBe(before);
  expect(shown()).toEqual([15, 24]);
});

test("in the middle nothing is read again, and the newest take its place when they are gone to", async () => {
  const { server, span, shown } = setUp(100);
  await span.showMessage(idOf(50));
  await span.refresh();
  expect(server.asked).toHaveLength(1);
  await span.showNewest();
  expect(shown()).toEqual([91, 100]);
  expect(span.target.value).toBeNull();
  expect(span.isAtNewest).toBe(true);
});

test("what comes while the last page is on its way is there when the newest are reached", async () => {
  const { server, span, shown } = setUp(60);
  await span.showMessage(idOf(50));
  const loading = span.loadNewer();
  await Promise.all([span.loadNewer(), loading]);
  expect(server.asked).toEqual([{ around: idOf(50) }, { after: idOf(54) }, {}]);
  expect(shown()).toEqual([45, 60]);
});

test("a message that is gone is said to be missing, with those it was between", async () => {
  const { span, messages, shown } = setUp(100);
  const gone = `${idOf(50).slice(0, -13)}f${idOf(50).slice(-12)}`;
  expect(await span.showMessage(gone)).toBe("missing");
  expect(messages.entries.value.length).toBeGreaterThan(0);
  expect(span.target.value).toBeNull();
  expect(shown()[0]).toBe(45);
});

test("where the server is away it is told, what is shown stays, and trying again goes there", async () => {
  const { server, span, shown } = setUp(100);
  server.isAway = true;
  await span.showMessage(idOf(50));
  expect(span.load.value).toBe("failed");
  server.isAway = false;
  await span.refresh();
  expect(shown()).toEqual([45, 54]);
  server.isAway = true;
  await span.loadNewer();
  expect(span.newer.value).toBe("failed");
  await expect(span.showMessage(idOf(5))).rejects.toBeInstanceOf(ApiError);
  expect(shown()).toEqual([45, 54]);
});

test("at the newest a failure is told as well, since something may have been missed", async () => {
  const { server, span, shown } = setUp(100);
  await span.refresh();
  server.isAway = true;
  server.count = 105;
  await expect(span.refresh()).rejects.toBeInstanceOf(ApiError);
  expect(shown()).toEqual([91, 100]);
  server.isAway = false;
  await span.refresh();
  expect(shown()).toEqual([91, 105]);
});

test("while a question is on its way it stays where it is", async () => {
  const { server, span, shown, hold } = setUp(100);
  await span.refresh();
  hold(true);
  await span.showMessage(idOf(5));
  await span.showNewest();
  expect(span.isStale).toBe(false);
  await span.refresh();
  expect(span.isStale).toBe(true);
  hold(false);
  await span.refresh();
  expect(span.isStale).toBe(false);
  expect(server.asked).toEqual([{}, {}]);
  expect(shown()).toEqual([91, 100]);
});
