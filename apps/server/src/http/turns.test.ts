import { expect, test } from "bun:test";
import { createTurns } from "./turns.ts";

test("so many work at once, others in the order in which they came, and no more wait than may", async () => {
  const turn = createTurns({ atOnce: 2, maxWaiting: 3, refusal: "Too many." });
  const begun: number[] = [];
  const gates = Array.from({ length: 6 }, () => Promise.withResolvers<number>());
  const all = gates.map(({ promise }, i) =>
    turn(() => {
      begun.push(i);
      return promise;
    }),
  );
  await expect(all[5]).rejects.toMatchObject({ code: "overloaded", message: "Too many." });
  expect(begun).toEqual([0, 1]);
  gates[1]?.resolve(1);
  expect(await all[1]).toBe(1);
  expect(begun).toEqual([0, 1, 2]);
  // A failure gives its place on as well.
  gates[0]?.reject(new Error("failed"));
  await expect(all[0]).rejects.toThrow("failed");
  for (const gate of gates) gate.resolve(7);
  expect(await Promise.all([all[2], all[3], all[4]])).toEqual([7, 7, 7]);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect(await turn(async () => "room again")).toBe("room again");
});
