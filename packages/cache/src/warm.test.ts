import { describe, expect, test } from "#test";
import { useNotes } from "./testing/use-notes.ts";

const openNotes = useNotes();

describe("warming", () => {
  const source = async ({ offset, size }: { offset: number; size: number }) =>
    Array.from({ length: Math.max(0, Math.min(size, 95 - offset)) }, (_, i) => ({
      key: { owner: "me", id: offset + i },
      value: { text: "warm" },
    }));

  test("goes through batches to the end, with progress", async () => {
    const { cache } = await openNotes();
    const progress: number[] = [];
    const done = await cache.warm("note", source, {
      batch: 10,
      onProgress: ({ warmed }) => progress.push(warmed),
    });
    expect(done.warmed).toBe(95);
    expect(progress.at(-1)).toBe(95);
    expect(cache.peek("note", { owner: "me", id: 94 })).toEqual({ text: "warm" });
  });

  test("stops at its limit and at its signal", async () => {
    const { cache } = await openNotes();
    expect((await cache.warm("note", source, { batch: 10, limit: 25 })).warmed).toBe(25);
    const stop = new AbortController();
    const warming = cache.warm(
      "note",
      async (request) => {
        stop.abort(new Error("enough"));
        return source(request);
      },
      { batch: 5, concurrency: 1, signal: stop.signal },
    );
    await expect(warming).rejects.toThrow("enough");
  });

  test("keeps nothing that a write made old meanwhile", async () => {
    const { cache } = await openNotes();
    const done = await cache.warm(
      "note",
      async (request) => {
        const items = (await source(request)).map((item) => ({ ...item, tags: ["t"] }));
        await cache.mutate(["t"], async () => {});
        return items;
      },
      { batch: 10, limit: 10 },
    );
    expect(done.warmed).toBe(0);
  });
});
