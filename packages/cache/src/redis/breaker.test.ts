import { describe, expect, test } from "#test";
import { eventually } from "../testing/eventually.ts";
import { Breaker } from "./breaker.ts";

function setUp() {
  const states: string[] = [];
  const world = { up: false, probes: 0 };
  const breaker = new Breaker({
    probe: async () => {
      world.probes++;
      if (!world.up) throw new Error("down");
    },
    onChange: (state) => states.push(state),
  });
  const fail = () =>
    breaker
      .run(async () => {
        throw new Error("down");
      })
      .catch((error: Error) => error.message);
  return { breaker, states, world, fail };
}

describe("Breaker", () => {
  test("opens after five failures in a row, not before", async () => {
    const { breaker, fail } = setUp();
    for (let i = 0; i < 4; i++) await fail();
    await breaker.run(async () => {});
    for (let i = 0; i < 4; i++) await fail();
    expect(breaker.state).toBe("closed");
    await fail();
    expect(breaker.state).toBe("open");
    breaker.close();
  });

  test("open, it calls nothing, and tries by itself until it can close", async () => {
    const { breaker, states, world, fail } = setUp();
    for (let i = 0; i < 5; i++) await fail();
    let called = false;
    const refused = breaker.run(async () => {
      called = true;
    });
    await expect(refused).rejects.toThrow("left alone");
    expect(called).toBe(false);
    await eventually("it has tried and failed", () => world.probes === 1);
    world.up = true;
    await eventually("it closed", () => breaker.state === "closed");
    expect(states).toEqual(["open", "half-open", "open", "half-open", "closed"]);
    expect(await breaker.run(async () => "answer")).toBe("answer");
  });
});
