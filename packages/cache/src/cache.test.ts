import { describe, expect, test } from "#test";
import { deferred, eventually } from "./testing/eventually.ts";
import { noteKey as key, type Note, useNotes } from "./testing/use-notes.ts";
import { sleep } from "./time-limit.ts";
import type { TypeCounts } from "./type-state.ts";

const openNotes = useNotes();

describe("reading", () => {
  test("tells where each value came from", async () => {
    const served: string[] = [];
    const { cache } = await openNotes((from) => served.push(from));
    const held = deferred<Note>();
    const both = [
      cache.getOrLoad("note", key, () => held.promise),
      cache.getOrLoad("note", key, () => held.promise),
    ];
    held.resolve({ text: "one" });
    await Promise.all(both);
    expect(served.splice(0).sort()).toEqual(["shared load", "source"]);
    await cache.getOrLoad("note", key, async () => ({ text: "two" }));
    await cache.getOrLoadBody("note", key, async () => ({ text: "two" }));
    expect(served).toEqual(["memory", "memory"]);
  });

  test("loads once, then serves the same frozen object", async () => {
    const { cache } = await openNotes();
    let loads = 0;
    const load = async () => ({ text: `load ${++loads}` });
    const first = await cache.getOrLoad("note", key, load);
    const second = await cache.getOrLoad("note", key, load);
    expect(first).toEqual({ text: "load 1" });
    expect(second).toBe(first);
    expect(cache.peek("note", key)).toBe(first);
    expect(await cache.get("note", key)).toBe(first);
    expect(await cache.has("note", key)).toBe(true);
    expect(() => {
      (first as Note).text = "changed";
    }).toThrow();
  });

  test("keeps owners and types apart", async () => {
    const { cache } = await openNotes();
    await cache.getOrLoad("note", key, async () => ({ text: "mine" }));
    expect(await cache.get("note", { owner: "you", id: 1 })).toBeUndefined();
    expect(await cache.get("graced", key)).toBeUndefined();
  });

  test("ends with the lifetime, spread by jitter", async () => {
    const { cache, clock } = await openNotes();
    await cache.set("note", key, { text: "a" });
    clock.advance(999);
    expect(await cache.has("note", key)).toBe(true);
    clock.advance(1);
    expect(await cache.has("note", key)).toBe(false);
    for (let id = 0; id < 100; id++) await cache.set("spread", { owner: "me", id }, { text: "a" });
    clock.advance(750);
    const left = [...Array(100).keys()].filter((id) => cache.peek("spread", { owner: "me", id }));
    expect(left.length).toBeGreaterThan(25);
    expect(left.length).toBeLessThan(75);
  });

  test("keeps the encoded body and its tag with the entry", async () => {
    const { cache } = await openNotes();
    const load = async () => ({ text: "ä" });
    const body = await cache.getOrLoadBody("note", key, load);
    expect(new TextDecoder().decode(body.bytes)).toBe('{"text":"ä"}');
    expect(body.etag).toMatch(/^"[\w-]{22}"$/);
    expect(await cache.getOrLoadBody("note", key, load)).toBe(body);
    await cache.set("note", key, { text: "b" });
    expect((await cache.getOrLoadBody("note", key, load)).etag).not.toBe(body.etag);
  });

  test("knows for a while that something is not there", async () => {
    const { cache, clock } = await openNotes();
    let loads = 0;
    const load = async () => {
      loads++;
      return undefined;
    };
    expect(await cache.getOrLoad("maybe", key, load)).toBeUndefined();
    expect(await cache.getOrLoad("maybe", key, load)).toBeUndefined();
    expect(loads).toBe(1);
    expect(await cache.has("maybe", key)).toBe(true);
    clock.advance(101);
    await cache.getOrLoad("maybe", key, load);
    expect(loads).toBe(2);
  });

  test("of many keys comes in their order", async () => {
    const { cache } = await openNotes();
    await cache.setMany("note", [
      { key: { owner: "me", id: 1 }, value: { text: "1" } },
      { key: { owner: "me", id: 3 }, value: { text: "3" } },
    ]);
    const keys = [1, 2, 3].map((id) => ({ owner: "me", id }));
    expect(await cache.getMany("note", keys)).toEqual([{ text: "1" }, undefined, { text: "3" }]);
    const { memoryHits, memoryMisses } = cache.stats().types.note as TypeCounts;
    expect([memoryHits, memoryMisses]).toEqual([2, 1]);
  });
});

describe("one load", () => {
  for (const readers of [1, 100, 10_000]) {
    test(`${readers} readers share a load that succeeds`, async () => {
      const { cache } = await openNotes();
      const gate = deferred<Note>();
      let loads = 0;
      const all = Array.from({ length: readers }, () =>
        cache.getOrLoad("note", key, () => {
          loads++;
          return gate.promise;
        }),
      );
      gate.resolve({ text: "shared" });
      const values = await Promise.all(all);
      expect(loads).toBe(1);
      expect(values.every((value) => value === values[0])).toBe(true);
      expect(cache.stats().types.note?.coalesced).toBe(readers - 1);
    });

    test(`${readers} readers share a load that fails`, async () => {
      const { cache } = await openNotes();
      let loads = 0;
      const load = async (): Promise<Note> => {
        loads++;
        await sleep(5);
        throw new Error("the source is down");
      };
      const results = await Promise.allSettled(
        Array.from({ length: readers }, () => cache.getOrLoad("note", key, load)),
      );
      expect(loads).toBe(1);
      expect(results.every((result) => result.status === "rejected")).toBe(true);
    });

    test(`${readers} readers share a load that hangs, and its time limit`, async () => {
      const { cache } = await openNotes();
      let loads = 0;
      let aborted = false;
      const load = ({ signal }: { signal: AbortSignal }) => {
        loads++;
        signal.addEventListener("abort", () => {
          aborted = true;
        });
        return new Promise<Note>(() => {});
      };
      const results = await Promise.allSettled(
        Array.from({ length: readers }, () => cache.getOrLoad("hasty", key, load)),
      );
      expect(loads).toBe(1);
      expect(aborted).toBe(true);
      for (const result of results.slice(0, 3)) {
        expect(result.status).toBe("rejected");
        expect((result as PromiseRejectedResult).reason.code).toBe("LOAD_TIMED_OUT");
      }
    });

    test(`${readers} readers of a load that alternates: one call at a time`, async () => {
      const { cache, clock } = await openNotes();
      let running = 0;
      let most = 0;
      let loads = 0;
      const load = async (): Promise<Note> => {
        most = Math.max(most, ++running);
        await sleep(1);
        running--;
        if (++loads % 2 === 1) throw new Error("not this time");
        return { text: `${loads}` };
      };
      for (let round = 0; round < 6; round++) {
        await Promise.allSettled(
          Array.from({ length: readers }, () => cache.getOrLoad("note", key, load)),
        );
        clock.advance(2000);
      }
      expect(loads).toBe(6);
      expect(most).toBe(1);
    });
  }

  test("60 readers of a failing key, each trying again: one call at a time", async () => {
    const { cache } = await openNotes();
    let running = 0;
    let most = 0;
    const load = async (): Promise<Note> => {
      most = Math.max(most, ++running);
      await sleep(2);
      running--;
      throw new Error("down");
    };
    const reader = async () => {
      for (let i = 0; i < 10; i++) await cache.getOrLoad("note", key, load).catch(() => {});
    };
    await Promise.all(Array.from({ length: 60 }, reader));
    expect(most).toBe(1);
  });
});

describe("stale values", () => {
  test("are served while a load goes on, within the grace", async () => {
    const { cache, clock } = await openNotes();
    await cache.set("graced", key, { text: "old" });
    clock.advance(1001);
    const gate = deferred<Note>();
    const load = () => gate.promise;
    expect(await cache.getOrLoad("graced", key, load)).toEqual({ text: "old" });
    expect(await cache.getOrLoad("graced", key, load)).toEqual({ text: "old" });
    gate.resolve({ text: "new" });
    await eventually("the new value is there", () => cache.peek("graced", key)?.text === "new");
    expect(cache.stats().types.graced?.staleServed).toBe(2);
    expect(cache.stats().types.graced?.loads).toBe(1);
  });

  test("are served when loading fails, and it is tried again later, not at once", async () => {
    const { cache, clock, errors } = await openNotes();
    await cache.set("graced", key, { text: "old" });
    clock.advance(1001);
    let loads = 0;
    const load = async (): Promise<Note> => {
      loads++;
      throw new Error("down");
    };
    for (let i = 0; i < 20; i++) {
      expect(await cache.getOrLoad("graced", key, load)).toEqual({ text: "old" });
      await sleep(0);
    }
    expect(loads).toBe(1);
    expect(errors.length).toBe(1);
    clock.advance(1001);
    await cache.getOrLoad("graced", key, load);
    expect(loads).toBe(2);
  });

  test("are not served after their grace", async () => {
    const { cache, clock } = await openNotes();
    await cache.set("graced", key, { text: "old" });
    clock.advance(6001);
    const load = async () => ({ text: "new" });
    expect(await cache.getOrLoad("graced", key, load)).toEqual({ text: "new" });
  });

  test("are never served once a write made them old", async () => {
    const { cache, clock } = await openNotes();
    await cache.set("graced", key, { text: "old" }, { tags: ["t"] });
    clock.advance(1001);
    await cache.invalidateTags(["t"]);
    const failing = async (): Promise<Note> => {
      throw new Error("down");
    };
    await expect(cache.getOrLoad("graced", key, failing)).rejects.toThrow("down");
  });

  test("are held back so long as a load may be in time", async () => {
    const { cache, clock } = await openNotes();
    await cache.set("patient", key, { text: "old" });
    clock.advance(1001);
    const quick = async () => ({ text: "quick" });
    expect(await cache.getOrLoad("patient", key, quick)).toEqual({ text: "quick" });
    clock.advance(1001);
    const gate = deferred<Note>();
    expect(await cache.getOrLoad("patient", key, () => gate.promise)).toEqual({ text: "quick" });
    gate.resolve({ text: "slow" });
    await eventually("the slow value is there", () => cache.peek("patient", key)?.text === "slow");
  });

  test("hot values are renewed before they expire, cold ones are not", async () => {
    const { cache, clock } = await openNotes();
    const cold = { owner: "me", id: 2 };
    let loads = 0;
    const load = async () => ({ text: `load ${++loads}` });
    await cache.getOrLoad("note", key, load);
    await cache.getOrLoad("note", cold, load);
    for (let i = 0; i < 5; i++) await cache.getOrLoad("note", key, load);
    clock.advance(999);
    await cache.getOrLoad("note", cold, load);
    expect(await cache.getOrLoad("note", key, load)).toEqual({ text: "load 1" });
    await eventually("it was renewed", () => cache.peek("note", key)?.text === "load 3");
    expect(loads).toBe(3);
  });
});

describe("writing", () => {
  test("makes what the tags guard old, and nothing else", async () => {
    const { cache } = await openNotes();
    const other = { owner: "me", id: 2 };
    await cache.set("note", key, { text: "a" }, { tags: ["t1", "t2"] });
    await cache.set("note", other, { text: "b" }, { tags: ["t3"] });
    expect(await cache.mutate(["t2"], async () => "result")).toBe("result");
    expect(await cache.get("note", key)).toBeUndefined();
    expect(await cache.get("note", other)).toEqual({ text: "b" });
  });

  test("that fails counts as written", async () => {
    const { cache } = await openNotes();
    await cache.set("note", key, { text: "a" }, { tags: ["t"] });
    const failing = async () => {
      throw new Error("conflict");
    };
    await expect(cache.mutate(["t"], failing)).rejects.toThrow("conflict");
    expect(await cache.get("note", key)).toBeUndefined();
  });

  test("a load that began before a write is not kept, and not shared with who came after", async () => {
    const { cache } = await openNotes();
    const gate = deferred<Note>();
    const early = cache.getOrLoad("note", key, () => gate.promise, { tags: ["t"] });
    await cache.mutate(["t"], async () => {});
    const late = cache.getOrLoad("note", key, async () => ({ text: "new" }), { tags: ["t"] });
    expect(await late).toEqual({ text: "new" });
    gate.resolve({ text: "old" });
    expect(await early).toEqual({ text: "old" });
    expect(cache.peek("note", key)).toEqual({ text: "new" });
    expect(cache.stats().types.note?.overtaken).toBe(1);
  });

  test("while it runs, readers load one at a time and nothing is kept", async () => {
    const { cache } = await openNotes();
    const write = deferred<void>();
    const writing = cache.mutate(["t"], () => write.promise);
    let running = 0;
    let most = 0;
    let loads = 0;
    const load = async () => {
      most = Math.max(most, ++running);
      loads++;
      await sleep(2);
      running--;
      return { text: "during" };
    };
    await Promise.all(
      Array.from({ length: 50 }, () => cache.getOrLoad("note", key, load, { tags: ["t"] })),
    );
    expect(most).toBe(1);
    expect(loads).toBe(2);
    expect(cache.peek("note", key)).toBeUndefined();
    write.resolve();
    await writing;
    await cache.getOrLoad("note", key, async () => ({ text: "after" }), { tags: ["t"] });
    expect(cache.peek("note", key)).toEqual({ text: "after" });
  });

  test("set with a stamp from before a write keeps nothing", async () => {
    const { cache } = await openNotes();
    const asOf = cache.stamp();
    await cache.mutate(["t"], async () => {});
    await cache.set("note", key, { text: "old" }, { tags: ["t"], asOf });
    expect(cache.peek("note", key)).toBeUndefined();
  });
});
