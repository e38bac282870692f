import { describe, expect, test } from "#test";
import { useNotes } from "./testing/use-notes.ts";

const openNotes = useNotes();

describe("clearing", () => {
  async function filled() {
    const { cache } = await openNotes();
    for (const owner of [42, 421, 7]) {
      for (let id = 0; id < 10; id++) {
        await cache.set("note", { owner, id }, { text: "n" });
        await cache.set("graced", { owner, id }, { text: "g" });
      }
    }
    const left = () => cache.stats().memory.entries;
    return { cache, left };
  }

  test("one key, in every layer", async () => {
    const { cache } = await filled();
    await cache.delete("note", { owner: 42, id: 1 });
    expect(await cache.has("note", { owner: 42, id: 1 })).toBe(false);
    expect(await cache.has("note", { owner: 42, id: 2 })).toBe(true);
  });

  test("a prefix", async () => {
    const { cache, left } = await filled();
    const clearing = await cache.invalidatePattern("note:42:*");
    expect(cache.peek("note", { owner: 42, id: 1 })).toBeUndefined();
    expect(cache.peek("note", { owner: 421, id: 1 })).toBeDefined();
    expect((await clearing.done).memoryEntries).toBe(10);
    expect(left()).toBe(50);
  });

  test("a glob, with progress", async () => {
    const { cache, left } = await filled();
    const seen: number[] = [];
    const clearing = await cache.invalidatePattern("*:42*", {
      onProgress: ({ memoryEntries }) => seen.push(memoryEntries),
    });
    expect(cache.peek("graced", { owner: 421, id: 1 })).toBeUndefined();
    expect(cache.peek("graced", { owner: 7, id: 1 })).toBeDefined();
    expect((await clearing.done).memoryEntries).toBe(40);
    expect(seen.at(-1)).toBe(40);
    expect(left()).toBe(20);
    await cache.set("note", { owner: 42, id: 1 }, { text: "new" });
    expect(cache.peek("note", { owner: 42, id: 1 })).toEqual({ text: "new" });
  });

  test("a type, and everything", async () => {
    const { cache, left } = await filled();
    expect((await (await cache.invalidateType("graced")).done).memoryEntries).toBe(30);
    expect((await (await cache.clear()).done).memoryEntries).toBe(30);
    expect(left()).toBe(0);
  });

  test("of what takes too much", async () => {
    const { cache, left } = await filled();
    expect(cache.evictLeastUsed(0.5).entries).toBe(30);
    expect(left()).toBe(30);
    expect(() => cache.evictLeastUsed(2)).toThrow("fraction is 2");
  });
});
