import { afterEach, expect, test } from "bun:test";
import { SenderWatch } from "./sender-watch.ts";

const silentMs = 15_000;
const lateMs = 5;
let stop = () => {};
afterEach(() => stop());

function setUp() {
  let nowMs = 0;
  let missed = 0;
  const watch = new SenderWatch({ silentMs, lateMs, now: () => nowMs, onMissed: () => missed++ });
  stop = () => watch.stop();
  return {
    watch,
    pass: (ms: number) => {
      nowMs += ms;
      watch.check();
    },
    /** How often since it was last asked, once what is late would have come. */
    missed: async () => {
      await Bun.sleep(2 * lateMs);
      const times = missed;
      missed = 0;
      return times;
    },
  };
}

test("messages in their order, and those that overtake each other, are all that there are", async () => {
  const { watch, missed } = setUp();
  for (const number of [1, 2, 5, 4, 3, 6]) watch.heard("a", number);
  watch.heardOf("a", 6);
  watch.heard("b", 1);
  expect(await missed()).toBe(0);
});

test("what is lost shows with the next message, or with the next sign of life", async () => {
  const { watch, missed } = setUp();
  watch.heard("a", 1);
  watch.heard("a", 3);
  watch.heard("a", 4);
  expect(await missed()).toBe(1);
  watch.heard("a", 5);
  expect(await missed()).toBe(0);
  watch.heardOf("a", 9);
  expect(await missed()).toBe(1);
  watch.heardOf("a", 9);
  watch.heard("a", 10);
  expect(await missed()).toBe(0);
});

test("what was told before we began is nothing to us; what was told since by one unheard of is", async () => {
  const { watch, missed, pass } = setUp();
  watch.heardOf("old", 500);
  watch.heard("older", 70);
  watch.heard("old", 501);
  expect(await missed()).toBe(0);
  for (const ms of [5_000, 5_000, 5_000]) {
    pass(ms);
    watch.heardOf("old", 501);
    watch.heardOf("older", 70);
  }
  watch.heardOf("new", 0);
  expect(await missed()).toBe(0);
  watch.heardOf("unheard", 3);
  expect(await missed()).toBe(1);
});

test("who falls silent may have died with something to tell, once; who says goodbye has not", async () => {
  const { watch, missed, pass } = setUp();
  watch.heardOf("a", 2);
  watch.heardOf("b", 2);
  watch.left("b");
  pass(silentMs);
  expect(await missed()).toBe(0);
  pass(1);
  expect(await missed()).toBe(1);
  pass(silentMs);
  expect(await missed()).toBe(0);
});

test("who comes back after a silence is known, and so is what it told meanwhile", async () => {
  const { watch, missed, pass } = setUp();
  watch.heardOf("a", 2);
  pass(silentMs + 1);
  expect(await missed()).toBe(1);
  watch.heardOf("a", 2);
  expect(await missed()).toBe(0);
  pass(silentMs + 1);
  expect(await missed()).toBe(1);
  watch.heardOf("a", 4);
  expect(await missed()).toBe(1);
});
