import { describe, expect, test } from "#test";
import { createCache } from "./create-cache.ts";
import { CacheError } from "./errors.ts";
import { noteKey as key, type Note, noteTypes as types, useNotes } from "./testing/use-notes.ts";
import { sleep } from "./time-limit.ts";

const openNotes = useNotes();

describe("bad input", () => {
  async function codeOf(work: () => unknown): Promise<string | undefined> {
    try {
      await work();
    } catch (error) {
      return error instanceof CacheError ? error.code : `not typed: ${error}`;
    }
    return undefined;
  }

  test("is refused with a typed error", async () => {
    const { cache } = await openNotes();
    const load = async () => ({ text: "a" });
    const cases: [() => unknown, string][] = [
      [() => cache.getOrLoad("note", { owner: "me", id: "a\u0007" }, load), "BAD_KEY"],
      [() => cache.getOrLoad("note", { owner: "me", id: "x".repeat(10_240) }, load), "BAD_KEY"],
      [() => cache.getOrLoad("note", { id: 1 } as never, load), "BAD_KEY"],
      [() => cache.get("note", { owner: "me", id: "a b" }), "BAD_KEY"],
      [() => cache.has("note", { owner: "", id: "a" }), "BAD_KEY"],
      [() => cache.getMany("note", [key, { owner: "me", id: "a:b" }]), "BAD_KEY"],
      [() => cache.getMany("graced", [{ owner: "me", id: "a:b" }]), "BAD_KEY"],
      [() => cache.delete("note", { owner: "me", id: "\ud800" }), "BAD_KEY"],
      [() => cache.getOrLoad("nope" as "note", key, load), "BAD_TYPE"],
      [() => cache.getOrLoad("note", key, load, { tags: ["a\n"] }), "BAD_TAG"],
      [() => cache.getOrLoad("note", key, load, { tags: [""] }), "BAD_TAG"],
      [() => cache.mutate([], async () => {}), "BAD_TAG"],
      [() => cache.invalidatePattern("*"), "PATTERN_MATCHES_EVERYTHING"],
      [() => cache.invalidatePattern("a["), "BAD_PATTERN"],
      [() => cache.set("note", key, { text: 1n } as never), "NOT_ENCODABLE"],
      [
        () => cache.getOrLoad("note", key, async () => ({ text: () => 1 }) as never),
        "NOT_ENCODABLE",
      ],
    ];
    for (const [work, code] of cases) expect(await codeOf(work)).toBe(code);
    expect(cache.stats().memory.entries).toBe(0);
  });

  test("of lifetimes and bounds is refused before anything is opened", async () => {
    for (const lifetimeMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1000" as never]) {
      const bad = { thing: { ...types.note, lifetimeMs } };
      expect(await codeOf(() => createCache({ types: bad }))).toBe("BAD_OPTION");
    }
    for (const maxEntries of [0, -5, Number.NaN]) {
      expect(await codeOf(() => createCache({ types, maxEntries }))).toBe("BAD_OPTION");
    }
    expect(await codeOf(() => createCache({ types: { "a:b": types.note } }))).toBe("BAD_TYPE");
  });

  test("closing ends loads that still run, and tells them and who waits", async () => {
    const { cache } = await openNotes();
    let aborted = false;
    const reading = cache.getOrLoad("note", key, ({ signal }) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise<Note>(() => {});
    });
    const code = codeOf(() => reading);
    await sleep(1);
    await cache.close();
    expect(await code).toBe("CLOSED");
    expect(aborted).toBe(true);
  });

  test("after closing is refused", async () => {
    const { cache } = await openNotes();
    await cache.close();
    await cache.close();
    expect(await codeOf(() => cache.getOrLoad("note", key, async () => ({ text: "a" })))).toBe(
      "CLOSED",
    );
    expect(await codeOf(() => cache.mutate(["t"], async () => {}))).toBe("CLOSED");
  });
});
