import { describe, expect, test } from "#test";
import { ReadBatch } from "./read-batch.ts";

function setUp(read: (names: readonly string[]) => Promise<readonly unknown[]>) {
  const commands: (readonly string[])[] = [];
  const batch = new ReadBatch((names) => {
    commands.push(names);
    return read(names);
  });
  return { batch, commands };
}

const echo = async (names: readonly string[]) => names.map((name) => `value of ${name}`);

describe("ReadBatch", () => {
  test("asks once for all of a turn, and gives each its own", async () => {
    const { batch, commands } = setUp(echo);
    // The second begins a few microtasks after the first, as a request does that looked in memory.
    const late = Promise.resolve().then(() => Promise.resolve().then(() => batch.get("b")));
    expect(await Promise.all([batch.get("a"), late, batch.get("a")])).toEqual([
      "value of a",
      "value of b",
      "value of a",
    ]);
    expect(commands.length).toBe(1);
  });

  test("asks anew in the next turn", async () => {
    const { batch, commands } = setUp(echo);
    expect(await batch.get("a")).toBe("value of a");
    expect(await batch.get("a")).toBe("value of a");
    expect(commands).toEqual([["a"], ["a"]]);
  });

  test("keeps commands to 64 names", async () => {
    const { batch, commands } = setUp(echo);
    const names = Array.from({ length: 150 }, (_, i) => `n${i}`);
    const values = await Promise.all(names.map((name) => batch.get(name)));
    expect(values).toEqual(names.map((name) => `value of ${name}`));
    expect(commands.map(({ length }) => length)).toEqual([64, 64, 22]);
  });

  test("a failure is that of those who asked together, and of nobody after them", async () => {
    let fails = true;
    const { batch } = setUp(async (names) => {
      if (fails) throw new Error("cut off");
      return echo(names);
    });
    const outcomes = await Promise.allSettled([batch.get("a"), batch.get("b")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    fails = false;
    expect(await batch.get("a")).toBe("value of a");
  });
});
