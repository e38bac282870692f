import { afterEach, describe, expect, test } from "#test";
import { createCache } from "./create-cache.ts";
import { CacheError } from "./errors.ts";
import type { CacheEvents } from "./events.ts";
import { deferred, eventually } from "./testing/eventually.ts";
import { HeldClock } from "./testing/held-clock.ts";
import { seededRandom } from "./testing/traces.ts";
import { sleep } from "./time-limit.ts";
import type { TypeCounts } from "./type-state.ts";
import { typed } from "./type-table.ts";

interface Note {
  text: string;
}

const types = {
  note: { lifetimeMs: 1000, layer: "redis", key: ["id"], value: typed<Note>(), jitter: 0 },
  graced: {
    lifetimeMs: 1000,
    graceMs: 5000,
    layer: "memory",
    key: ["id"],
    value: typed<Note>(),
    jitter: 0,
  },
  patient: {
    lifetimeMs: 1000,
    graceMs: 5000,
    staleAfterMs: 30,
    layer: "memory",
    key: ["id"],
    value: typed<Note>(),
    jitter: 0,
  },
  maybe: {
    lifetimeMs: 1000,
    negativeLifetimeMs: 100,
    layer: "memory",
    key: ["id"],
    value: typed<Note | undefined>(),
    jitter: 0,
  },
  hasty: {
    lifetimeMs: 1000,
    layer: "memory",
    key: ["id"],
    value: typed<Note>(),
    loadTimeoutMs: 40,
  },
  spread: { lifetimeMs: 1000, layer: "memory", key: ["id"], value: typed<Note>(), jitter: 0.5 },
} as const;

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.close();
});

async function setUp(onServed?: CacheEvents["onServed"]) {
  const clock = new HeldClock();
  const errors: unknown[] = [];
  const cache = await createCache({
    types,
    clock,
    random: seededRandom(1),
    on: { onError: (error) => errors.push(error), ...(onServed ? { onServed } : {}) },
  });
  opened.push(cache);
  return { cache, clock, errors };
}

const key = { owner: "me", id: 1 };

describe("reading", () => {
  test("tells where each value came from", async () => {
    const served: string[] = [];
    const { cache } = await setUp((from) => served.push(from));
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
    const { cache } = await setUp();
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
    const { cache } = await setUp();
    await cache.getOrLoad("note", key, async () => ({ text: "mine" }));
    expect(await cache.get("note", { owner: "you", id: 1 })).toBeUndefined();
    expect(await cache.get("graced", key)).toBeUndefined();
  });

  test("ends with the lifetime, spread by jitter", async () => {
    const { cache, clock } = await setUp();
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
    const { cache } = await setUp();
    const load = async () => ({ text: "ä" });
    const body = await cache.getOrLoadBody("note", key, load);
    expect(new TextDecoder().decode(body.bytes)).toBe('{"text":"ä"}');
    expect(body.etag).toMatch(/^"[\w-]{22}"$/);
    expect(await cache.getOrLoadBody("note", key, load)).toBe(body);
    await cache.set("note", key, { text: "b" });
    expect((await cache.getOrLoadBody("note", key, load)).etag).not.toBe(body.etag);
  });

  test("knows for a while that something is not there", async () => {
    const { cache, clock } = await setUp();
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
    const { cache } = await setUp();
    await cache.setMany("note", [
      { key: { owner: "me", id: 1 }, value: { text: "1" } },
      { key: { owner: "me", id: 3 }, value: { text: "3" } },
    ]);
    const keys = [1, 2, 3].map((id) => ({ owner: "me", id }));
    expect(await cache.getMany("note", keys)).toEqual([{ text: "1" }, undefined, { text: "3" }]);
    const { memoryHits, memoryMisses, misses } = cache.stats().types.note as TypeCounts;
    expect([memoryHits, memoryMisses, misses]).toEqual([2, 1, 1]);
  });

  test("counts as a hit or a miss, whichever way it is asked for", async () => {
    const { cache } = await setUp();
    const counted = () => {
      const { memoryHits, otherHits, misses } = cache.stats().types.note as TypeCounts;
      return [memoryHits, otherHits, misses];
    };
    const load = async () => ({ text: "loaded" });
    await cache.get("note", key);
    expect(counted()).toEqual([0, 0, 1]);
    await Promise.all([cache.getOrLoad("note", key, load), cache.getOrLoad("note", key, load)]);
    expect(counted()).toEqual([0, 1, 2]);
    await cache.get("note", key);
    expect(counted()).toEqual([1, 1, 2]);
    const broken = { owner: "me", id: 404 };
    await cache.getOrLoad("note", broken, () => Promise.reject(new Error("down"))).catch(() => {});
    expect(counted()).toEqual([1, 1, 3]);
  });
});

describe("one load", () => {
  for (const readers of [1, 100, 10_000]) {
    test(`${readers} readers share a load that succeeds`, async () => {
      const { cache } = await setUp();
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
      const { cache } = await setUp();
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
      const { cache } = await setUp();
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
      const { cache, clock } = await setUp();
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
    const { cache } = await setUp();
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
    const { cache, clock } = await setUp();
    await cache.set("graced", key, { text: "old" });
    clock.advance(1001);
    const gate = deferred<Note>();
    const load = () => gate.promise;
    expect(await cache.getOrLoad("graced", key, load)).toEqual({ text: "old" });
    expect(await cache.getOrLoad("graced", key, load)).toEqual({ text: "old" });
    gate.resolve({ text: "new" });
    await eventually("the new value is there", () => cache.peek("graced", key)?.text === "new");
    // The load is nobody's wait, and so no miss.
    const { staleServed, loads, otherHits, misses } = cache.stats().types.graced as TypeCounts;
    expect({ staleServed, loads, otherHits, misses }).toEqual({
      staleServed: 2,
      loads: 1,
      otherHits: 2,
      misses: 0,
    });
  });

  test("are served when loading fails, and it is tried again later, not at once", async () => {
    const { cache, clock, errors } = await setUp();
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
    const { cache, clock } = await setUp();
    await cache.set("graced", key, { text: "old" });
    clock.advance(6001);
    const load = async () => ({ text: "new" });
    expect(await cache.getOrLoad("graced", key, load)).toEqual({ text: "new" });
  });

  test("are never served once a write made them old", async () => {
    const { cache, clock } = await setUp();
    await cache.set("graced", key, { text: "old" }, { tags: ["t"] });
    clock.advance(1001);
    await cache.invalidateTags(["t"]);
    const failing = async (): Promise<Note> => {
      throw new Error("down");
    };
    await expect(cache.getOrLoad("graced", key, failing)).rejects.toThrow("down");
  });

  test("are held back so long as a load may be in time", async () => {
    const { cache, clock } = await setUp();
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
    const { cache, clock } = await setUp();
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
    const { cache } = await setUp();
    const other = { owner: "me", id: 2 };
    await cache.set("note", key, { text: "a" }, { tags: ["t1", "t2"] });
    await cache.set("note", other, { text: "b" }, { tags: ["t3"] });
    expect(await cache.mutate(["t2"], async () => "result")).toBe("result");
    expect(await cache.get("note", key)).toBeUndefined();
    expect(await cache.get("note", other)).toEqual({ text: "b" });
  });

  test("that fails counts as written", async () => {
    const { cache } = await setUp();
    await cache.set("note", key, { text: "a" }, { tags: ["t"] });
    const failing = async () => {
      throw new Error("conflict");
    };
    await expect(cache.mutate(["t"], failing)).rejects.toThrow("conflict");
    expect(await cache.get("note", key)).toBeUndefined();
  });

  test("a load that began before a write is not kept, and not shared with who came after", async () => {
    const { cache } = await setUp();
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
    const { cache } = await setUp();
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
    const { cache } = await setUp();
    const asOf = cache.stamp();
    await cache.mutate(["t"], async () => {});
    await cache.set("note", key, { text: "old" }, { tags: ["t"], asOf });
    expect(cache.peek("note", key)).toBeUndefined();
  });
});

describe("clearing", () => {
  async function filled() {
    const { cache } = await setUp();
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

describe("warming", () => {
  const source = async ({ offset, size }: { offset: number; size: number }) =>
    Array.from({ length: Math.max(0, Math.min(size, 95 - offset)) }, (_, i) => ({
      key: { owner: "me", id: offset + i },
      value: { text: "warm" },
    }));

  test("goes through batches to the end, with progress", async () => {
    const { cache } = await setUp();
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
    const { cache } = await setUp();
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
    const { cache } = await setUp();
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
    const { cache } = await setUp();
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
    const { cache } = await setUp();
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
    const { cache } = await setUp();
    await cache.close();
    await cache.close();
    expect(await codeOf(() => cache.getOrLoad("note", key, async () => ({ text: "a" })))).toBe(
      "CLOSED",
    );
    expect(await codeOf(() => cache.mutate(["t"], async () => {}))).toBe("CLOSED");
  });
});
