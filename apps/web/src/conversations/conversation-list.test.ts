import { expect, test } from "bun:test";
import { Api } from "../api/api.ts";
import { conversation, idOf } from "../testing/samples.ts";
import { ConversationList } from "./conversation-list.ts";

/** A server with conversations 1 to `count`, the highest number the newest. */
function setUp(count: number, pageSize = 3) {
  const stored = Array.from({ length: count }, (_, i) => conversation(count - i));
  const state = { isDown: false, stored };
  const api = new Api({
    fetch: async (url, init) => {
      if (state.isDown) throw new TypeError("down");
      if (init.method === "PATCH")
        return Response.json({ error: { code: "internal", message: "no" } }, { status: 500 });
      const start = Number(new URL(url, "http://x").searchParams.get("cursor") ?? 0);
      const end = start + pageSize;
      return Response.json({
        conversations: state.stored.slice(start, end),
        nextCursor: end < state.stored.length ? String(end) : null,
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

test("reloading keeps what was loaded further down", async () => {
  const { list, numbers, state } = setUp(7);
  await list.reload();
  await list.loadMore();
  state.stored = [conversation(8), ...state.stored];
  await list.reload();
  expect(numbers()).toEqual([8, 7, 6, 5, 4, 3, 2]);
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
