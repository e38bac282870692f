import { expect, test } from "#test";
import { Knowledge } from "../log/knowledge.ts";
import { EntryMaker } from "../make-entry.ts";
import { HeldClock } from "../testing/held-clock.ts";
import { TypeCounts } from "../type-state.ts";
import { resolveType, typed } from "../type-table.ts";
import { EntryIndex } from "./entry-index.ts";

const index = new EntryIndex();
const definition = { lifetimeMs: 1000, layer: "memory", key: ["id"], value: typed() } as const;
const type = { ...resolveType("thing", definition), counts: new TypeCounts(), index };
const maker = new EntryMaker({
  clock: new HeldClock(),
  random: () => 0.5,
  knowledge: new Knowledge({ maxVersions: 10 }),
});

function add(owner: string, rest: string) {
  const at = { key: `thing:${owner}:${rest}`, owner, rest };
  const entry = maker.fromValue(type, at, [], at.key, 0);
  index.add(entry);
  return entry;
}

test("an index tells owners apart whose keys go on alike, however many there are", () => {
  const own = add("ann", "first");
  expect(index.get("ann", "first")).toBe(own);
  expect(index.get("bob", "first")).toBeUndefined();

  const others = ["bob", "cid", "dan"].map((owner) => add(owner, "first"));
  expect(index.get("ann", "first")).toBe(own);
  expect(index.get("cid", "first")).toBe(others[1]);
  expect(index.get("eve", "first")).toBeUndefined();
  expect(index.get("cid", "second")).toBeUndefined();
  expect([...index.values()].length).toBe(4);

  expect(index.delete(own)).toBe(true);
  expect(index.delete(own)).toBe(false);
  expect(index.get("ann", "first")).toBeUndefined();
  for (const entry of others) expect(index.delete(entry)).toBe(true);
  expect([...index.values()]).toEqual([]);

  const again = add("bob", "first");
  expect(index.get("bob", "first")).toBe(again);
  expect(index.delete(others[0] as typeof again)).toBe(false);
});
