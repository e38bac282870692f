import { expect, test } from "bun:test";
import { Api } from "../api/api.ts";
import { conversation, idOf, message } from "../testing/samples.ts";
import { ConversationList } from "./conversation-list.ts";

/** A server with conversations 1 to `count`, the highest number the newest. */
function setUp(count: number, pageSize = 3) {
  const stored = Array.from({ length: count }, (_, i) => conversation(count - i));
  const state = { isDown: false, stored, pause: async () => {} };
  const api = new Api({
    fetch: async (url, init) => {
      if (state.isDown) throw new TypeError("down");
      if (init.method === "PATCH")
        return Response.json({ error: { code: "internal", message: "no" } }, { status: 500 });
      const { pathname } = new URL(url, "http://x");
      const { stored } = state;
      await state.pause();
      if (!pathname.endsWith("/conversations")) {
        const found = stored.find((each) => pathname.endsWith(each.id));
        return found
          ? Response.json({ conversation: found })
          : Response.json({ error: { code: "not_found", message: "no" } }, { status: 404 });
      }
      const start = Number(new URL(url, "http://x").searchParams.get("cursor") ?? 0);
      const end = start + pageSize;
      return Response.json({
        conversations: stored.slice(start, end),
        nextCursor: end < stored.length ? String(end) : null,
      });
    },
    onUnauthenticated: () => {},
  });
  const list = new ConversationList(api);
  const numbers = () => list.items.value.map((item) => Number(item.id.slice(-12)));
  return { list, numbers, state };
}

test("loads page after page, and knows the end", async () => {
  const { list, numbers } = setUp(7);
  await list.reload();
  expect(numbers()).toEqual([7, 6, 5]);
  await list.loadMore();
  await list.loadMore();
  expect(numbers()).toEqual([7, 6, 5, 4, 3, 2, 1]);
  expect(list.hasMore.value).toBe(false);
});

test("reads again as far down as it was loaded: what was made, renamed or deleted unheard", async () => {
  const { list, numbers, state } = setUp(9);
  await list.reload();
  await list.loadMore();
  const rest = state.stored.filter(({ id }) => id !== idOf(5) && id !== idOf(4));
  state.stored = [conversation(10), conversation(4, { title: "New" }), ...rest].sort((a, b) =>
    b.id.localeCompare(a.id),
  );
  await list.refresh();
  expect(numbers()).toEqual([10, 9, 8, 7, 6, 4]);
  expect(list.get(idOf(4))?.title).toBe("New");
  expect(list.hasMore.value).toBe(true);
  await list.loadMore();
  expect(numbers()).toEqual([10, 9, 8, 7, 6, 4, 3, 2, 1]);
});

test("what is told while a page is on its way is not undone by it", async () => {
  const { list, numbers, state } = setUp(4);
  await list.reload();
  for (const read of [() => list.refresh(), () => list.loadMore()]) {
    const gate = Promise.withResolvers<void>();
    state.pause = () => gate.promise;
    const reading = read();
    list.receive({ type: "conversation.created", conversation: conversation(9) });
    list.receive({ type: "conversation.deleted", conversationId: idOf(3) });
    list.receive({ type: "conversation.updated", conversation: conversation(2, { title: "New" }) });
    gate.resolve();
    await reading;
    expect(numbers().slice(0, 3)).toEqual([9, 4, 2]);
    expect(list.get(idOf(2))?.title).toBe("New");
  }
});

test("a page that comes late does not take the place of one that was asked for after it", async () => {
  const { list, numbers, state } = setUp(2);
  const gate = Promise.withResolvers<void>();
  state.pause = () => gate.promise;
  const first = list.refresh();
  state.pause = async () => {};
  state.stored = [conversation(3), ...state.stored];
  await list.refresh();
  gate.resolve();
  await first;
  expect(numbers()).toEqual([3, 2, 1]);
});

test("what is on its way when somebody signs out is nobody's", async () => {
  const { list, numbers, state } = setUp(2);
  const gate = Promise.withResolvers<void>();
  state.pause = () => gate.promise;
  const reading = list.refresh();
  list.clear();
  gate.resolve();
  await reading;
  expect(numbers()).toEqual([]);
});

test("an open conversation further back is read again as well, and is gone if it is", async () => {
  const { list, state } = setUp(7);
  await list.reload();
  await list.ensure(idOf(1));
  await list.ensure(idOf(2));
  state.stored = state.stored.with(-1, conversation(1, { title: "New" }));
  await list.catchUp(idOf(1));
  expect(list.get(idOf(1))?.title).toBe("New");
  expect(list.get(idOf(2))).toBeUndefined();
  state.stored = state.stored.slice(0, -1);
  await list.catchUp(idOf(1));
  expect(list.get(idOf(1))).toBeUndefined();
  state.isDown = true;
  await expect(list.catchUp(null)).rejects.toBeDefined();
  expect(list.state.value).toBe("ready");
});

test("activity moves a conversation to the top, from anywhere", async () => {
  const { list, numbers } = setUp(7);
  await list.reload();
  list.receive({
    type: "conversation.updated",
    conversation: conversation(5, { updatedAt: "2027-01-01T00:00:00.000Z" }),
  });
  list.receive({
    type: "conversation.updated",
    conversation: conversation(1, { updatedAt: "2027-01-02T00:00:00.000Z" }),
  });
  expect(numbers()).toEqual([1, 5, 7, 6]);
});

test("one beyond what is loaded is known, but leaves no hole in the list", async () => {
  const { list, numbers } = setUp(7);
  await list.reload();
  list.upsert(conversation(2));
  expect(numbers()).toEqual([7, 6, 5]);
  expect(list.get(idOf(2))?.title).toBe("Title 2");
});

test("a change that the server refuses is taken back", async () => {
  const { list } = setUp(3);
  await list.reload();
  const patched = list.patch(idOf(3), { title: "New" });
  expect(list.get(idOf(3))?.title).toBe("New");
  await expect(patched).rejects.toMatchObject({ code: "internal" });
  expect(list.get(idOf(3))?.title).toBe("Title 3");
});

test("a failure is shown, and trying again goes on", async () => {
  const { list, numbers, state } = setUp(5);
  state.isDown = true;
  await list.reload();
  expect(list.state.value).toBe("failed");
  state.isDown = false;
  await list.retry();
  expect(list.state.value).toBe("ready");
  state.isDown = true;
  await list.loadMore();
  expect(list.state.value).toBe("failed");
  state.isDown = false;
  await list.retry();
  expect(numbers()).toEqual([5, 4, 3, 2, 1]);
});

test("shows in which conversations an answer is being written", async () => {
  const { list } = setUp(1);
  const at = { type: "answer", conversationId: idOf(1), messageId: idOf(9), id: 0 } as const;
  list.receive({
    ...at,
    event: {
      type: "started",
      conversationId: idOf(1),
      questionId: idOf(8),
      messageId: idOf(9),
      model: "m",
      createdAt: "2026-01-01T00:00:00.000Z",
    },
  });
  expect(list.busy.value.has(idOf(1))).toBe(true);
  list.receive({ ...at, event: { type: "done", status: "stopped" } });
  expect(list.busy.value.size).toBe(0);
});

test("an answer whose server died is no longer being written", () => {
  const { list } = setUp(1);
  const answer = message(2, { conversationId: idOf(1), status: "running" });
  const event = {
    type: "started",
    conversationId: idOf(1),
    questionId: idOf(1),
    messageId: idOf(2),
    model: "m",
    createdAt: answer.createdAt,
  } as const;
  list.receive({ type: "answer", conversationId: idOf(1), messageId: idOf(2), id: 0, event });
  list.receive({ type: "message.updated", message: answer });
  expect(list.busy.value.has(idOf(1))).toBe(true);
  list.receive({ type: "message.updated", message: { ...answer, status: "interrupted" } });
  expect(list.busy.value.size).toBe(0);
});
