import { expect, test } from "bun:test";
import { useDatabase } from "../testing/use-database.ts";

const fixture = useDatabase();
const minute = 60_000;
const floor = (ms: number) => Math.floor(ms / 300_000) * 300_000;
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

test("slots of several servers come back by time, whole or for one server", async () => {
  const { metrics } = fixture.database;
  const [a, b] = [await metrics.registerServer("a"), await metrics.registerServer("b")];
  const at = floor(Date.now()) - 10 * minute;
  const all256 = Uint8Array.from({ length: 256 }, (_, i) => i);
  await metrics.save(a, [
    { step: 15, atMs: at, data: all256 },
    { step: 15, atMs: at + 15_000, data: bytes("a2") },
    { step: 300, atMs: at, data: bytes("coarse") },
  ]);
  await metrics.save(b, [{ step: 15, atMs: at, data: bytes("b1") }]);
  const both = await metrics.range(15, at, at + 30_000, null);
  expect(both.map(({ server, atMs }) => [server, atMs - at]).toSorted()).toEqual([
    ["a", 0],
    ["a", 15_000],
    ["b", 0],
  ]);
  expect(both.find(({ server, atMs }) => server === "a" && atMs === at)?.data).toEqual(all256);
  const one = await metrics.range(15, at, at + 15_000, "b");
  expect(one.map(({ data }) => text(data))).toEqual(["b1"]);
});

test("a slot that is saved again is replaced, and can be loaded to go on with", async () => {
  const { metrics } = fixture.database;
  const id = await metrics.registerServer("again");
  const at = floor(Date.now());
  await metrics.save(id, [{ step: 300, atMs: at, data: bytes("half") }]);
  await metrics.save(id, [{ step: 300, atMs: at, data: bytes("whole") }]);
  const loaded = await metrics.load(id, [
    { step: 15, atMs: at },
    { step: 300, atMs: at },
  ]);
  expect(loaded.map(({ step, atMs, data }) => [step, atMs, text(data)])).toEqual([
    [300, at, "whole"],
  ]);
});

test("a server keeps its number over restarts", async () => {
  const { metrics } = fixture.database;
  const first = await metrics.registerServer("same");
  expect(await metrics.registerServer("same")).toBe(first);
  expect((await metrics.servers()).map(({ name }) => name)).toContain("same");
});

test("slots are forgotten when their time is over, each step after its own", async () => {
  const { metrics } = fixture.database;
  const id = await metrics.registerServer("old");
  const now = floor(Date.now());
  await metrics.save(id, [
    { step: 1, atMs: now - 6 * minute, data: bytes("gone") },
    { step: 1, atMs: now, data: bytes("kept") },
    { step: 15, atMs: now - 6 * minute, data: bytes("kept") },
  ]);
  await metrics.prune([
    { step: 1, keptSeconds: 300 },
    { step: 15, keptSeconds: 6 * 3600 },
  ]);
  const left = [
    ...(await metrics.range(1, now - 60 * minute, now + minute, "old")),
    ...(await metrics.range(15, now - 60 * minute, now + minute, "old")),
  ];
  expect(left.map(({ data }) => text(data))).toEqual(["kept", "kept"]);
});
