import { describe, expect, test } from "#test";
import { Knowledge } from "../log/knowledge.ts";
import { seededRandom } from "../testing/traces.ts";
import { TypeCounts, type TypeState } from "../type-state.ts";
import { resolveType, typed } from "../type-table.ts";
import { Entry } from "./entry.ts";
import { EntryIndex } from "./entry-index.ts";
import { MemoryLayer } from "./memory-layer.ts";

const type: TypeState = {
  ...resolveType("thing", {
    lifetimeMs: 1000,
    layer: "memory",
    key: ["id"],
    value: typed<number>(),
  }),
  counts: new TypeCounts(),
  index: new EntryIndex(),
};

function setUp(limits: { maxEntries: number; maxBytes: number }) {
  const time = { ms: 0 };
  const knowledge = new Knowledge({ maxVersions: 1000 });
  const ownType = { ...type, counts: new TypeCounts(), index: new EntryIndex() };
  const memory = new MemoryLayer({
    types: [ownType],
    ...limits,
    knowledge,
    clock: { now: () => time.ms, recent: () => time.ms, wall: () => time.ms },
    random: seededRandom(1),
  });
  const put = (
    id: number | string,
    options: { bytes?: number; cost?: number; ttl?: number } = {},
  ) => {
    const { bytes = 100, cost = 1, ttl = 1000 } = options;
    const until = time.ms + ttl;
    const entry = new Entry({
      at: { key: `thing:me:${id}`, owner: "me", rest: String(id) },
      type: ownType,
      tags: [`tag:${id}`],
      value: id,
      body: undefined,
      seq: knowledge.position,
      checkedAt: knowledge.changes,
      freshUntil: until,
      expiresAt: until,
      refreshAt: until,
      bytes,
      cost,
    });
    memory.put(entry);
    return entry;
  };
  const peek = (id: number | string) => ownType.index.get("me", String(id));
  return { memory, knowledge, time, put, peek };
}

describe("MemoryLayer", () => {
  test("holds exactly its number of entries when they are small", () => {
    const { memory, put } = setUp({ maxEntries: 100, maxBytes: 1_000_000 });
    for (let i = 0; i < 1000; i++) put(i);
    expect(memory.size).toBe(100);
    expect(memory.bytes).toBe(100 * 100);
  });

  test("stays within its bytes whatever the mix of sizes", () => {
    const { memory, put } = setUp({ maxEntries: 1000, maxBytes: 100_000 });
    const random = seededRandom(7);
    for (let i = 0; i < 20_000; i++) {
      put(Math.floor(random() * 3000), { bytes: 50 + Math.floor(random() ** 4 * 20_000) });
      expect(memory.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(memory.size).toBeGreaterThan(20);
  });

  test("does not keep an entry that would push out a quarter of the rest", () => {
    const { memory, put } = setUp({ maxEntries: 1000, maxBytes: 100_000 });
    put("huge", { bytes: 30_000 });
    expect(memory.size).toBe(0);
  });

  test("an entry that grows pushes others out", () => {
    const { memory, put, peek } = setUp({ maxEntries: 100, maxBytes: 10_000 });
    for (let i = 0; i < 100; i++) put(i);
    const entry = [...Array(100).keys()].map((i) => peek(i)).find(Boolean);
    if (entry === undefined) throw new Error("nothing was kept");
    memory.resize(entry, 2000);
    expect(memory.bytes).toBeLessThanOrEqual(10_000);
    expect(memory.size).toBeLessThan(100);
  });

  test("keeps what is dear to load rather than what is cheap", () => {
    const { put, peek } = setUp({ maxEntries: 100, maxBytes: 1_000_000 });
    for (let i = 0; i < 50; i++) put(`dear${i}`, { cost: 50 });
    for (let i = 0; i < 50; i++) put(`cheap${i}`, { cost: 1 });
    for (let i = 0; i < 50; i++) put(`new${i}`, { cost: 10 });
    for (let i = 0; i < 50; i++) put(`new${i}`, { cost: 10 });
    const left = (name: string) =>
      [...Array(50).keys()].filter((i) => peek(`${name}${i}`) !== undefined).length;
    expect(left("dear")).toBeGreaterThan(40);
    expect(left("cheap")).toBeLessThan(20);
  });

  test("gives up the least used first", () => {
    const { memory, put } = setUp({ maxEntries: 100, maxBytes: 1_000_000 });
    const hot = Array.from({ length: 50 }, (_, i) => put(`hot${i}`));
    for (let round = 0; round < 5; round++) for (const entry of hot) memory.used(entry);
    for (let i = 0; i < 50; i++) put(`cold${i}`);
    const given = memory.evictLeastUsed(0.5);
    expect(given.entries).toBe(50);
    expect(given.bytes).toBe(5000);
    expect(
      hot.filter((entry) => memory.peek(entry.type, entry) !== undefined).length,
    ).toBeGreaterThan(45);
  });

  test("a sweep removes what has expired and what was invalidated, and nothing else", () => {
    const { memory, knowledge, time, put, peek } = setUp({ maxEntries: 100, maxBytes: 1_000_000 });
    put("short", { ttl: 10 });
    put("long");
    put("old");
    time.ms = 11;
    const guards = ["t:tag:old"];
    knowledge.apply({ seq: 1, kind: "bump", id: "", node: "", guards, wantsAck: false });
    memory.sweep(1000);
    expect(memory.size).toBe(1);
    expect(peek("long")).toBeDefined();
  });

  test("a sweep goes round, a slice at a time", () => {
    const { memory, time, put } = setUp({ maxEntries: 100, maxBytes: 1_000_000 });
    for (let i = 0; i < 100; i++) put(i, { ttl: 10 });
    time.ms = 11;
    memory.sweep(30);
    expect(memory.size).toBe(70);
    for (let i = 0; i < 4; i++) memory.sweep(30);
    expect(memory.size).toBe(0);
    expect(memory.bytes).toBe(0);
  });

  test("a million entries: flat after churn", () => {
    const { memory, put } = setUp({ maxEntries: 1_000_000, maxBytes: 2 ** 40 });
    for (let i = 0; i < 1_000_000; i++) put(i);
    expect(memory.size).toBe(1_000_000);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 1_000_000; i++) put(i % 3 === 0 ? i : 1_000_000 + i);
    expect(memory.size).toBe(1_000_000);
    expect(process.memoryUsage().rss).toBeLessThan(before * 2);
  }, 60_000);
});
