import { afterEach, expect, test } from "bun:test";
import { Recurring } from "./recurring.ts";

const opened: Recurring[] = [];
afterEach(async () => {
  for (const recurring of opened.splice(0)) await recurring.stop();
});

function open(work: (signal: AbortSignal) => Promise<void>, everyMs = 3_600_000) {
  const errors: unknown[] = [];
  const recurring = new Recurring(work, { everyMs, onError: (error) => errors.push(error) });
  opened.push(recurring);
  return { recurring, errors };
}

test("comes again and again, also after a round that failed", async () => {
  const thrice = Promise.withResolvers<void>();
  let rounds = 0;
  const { errors } = open(async () => {
    if (++rounds === 3) thrice.resolve();
    if (rounds === 1) throw new Error("the first");
  }, 1);
  await thrice.promise;
  expect(errors).toEqual([new Error("the first")]);
});

test("woken while it is at it, it does not begin a second round", async () => {
  const gate = Promise.withResolvers<void>();
  let rounds = 0;
  const { recurring } = open(() => {
    rounds++;
    return gate.promise;
  });
  expect(rounds).toBe(0);
  recurring.wake();
  recurring.wake();
  expect(rounds).toBe(1);
  gate.resolve();
  await Bun.sleep(0);
  recurring.wake();
  expect(rounds).toBe(2);
});

test("stopped, it ends the round on its way, tells nothing of that, and begins no other", async () => {
  let rounds = 0;
  const { recurring, errors } = open(async (signal) => {
    rounds++;
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("stopped")));
    });
  });
  recurring.wake();
  await recurring.stop();
  recurring.wake();
  expect(rounds).toBe(1);
  expect(errors).toEqual([]);
});
