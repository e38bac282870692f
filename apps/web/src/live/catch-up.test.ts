import { expect, test } from "bun:test";
import { ApiError } from "../api/api-error.ts";
import { CatchUp } from "./catch-up.ts";

/** Reads that end as the test says; waits that the test sees, and that end at once or with `go`. */
function setUp(waits: "end at once" | "are ended") {
  const reads: PromiseWithResolvers<void>[] = [];
  const waited: number[] = [];
  const waiting: (() => void)[] = [];
  const catchUp = new CatchUp({
    read: () => {
      const read = Promise.withResolvers<void>();
      reads.push(read);
      return read.promise;
    },
    random: () => 1,
    wait: async (ms) => {
      waited.push(ms);
      if (waits === "are ended") await new Promise<void>((resolve) => waiting.push(resolve));
    },
  });
  return { catchUp, reads, waited, waiting };
}

const turn = () => Bun.sleep(0);

test("what fails is read again, later each time, until it has come", async () => {
  const { catchUp, reads, waited } = setUp("end at once");
  catchUp.start();
  reads[0]?.reject(new Error("away"));
  await turn();
  const retryAfterMs = 3_000;
  reads[1]?.reject(new ApiError("overloaded", "too much to do", { status: 503, retryAfterMs }));
  await turn();
  reads[2]?.resolve();
  await turn();
  expect(reads).toHaveLength(3);
  expect(waited).toEqual([250, 3_000]);
});

test("one that starts takes the place of one that runs", async () => {
  const { catchUp, reads } = setUp("end at once");
  catchUp.start();
  catchUp.start();
  reads[0]?.reject(new Error("away"));
  reads[1]?.resolve();
  await turn();
  expect(reads).toHaveLength(2);
});

test("one of many begins at a moment of its own, and being told again does not put it off", async () => {
  const { catchUp, reads, waited, waiting } = setUp("are ended");
  catchUp.start(2_000);
  catchUp.start(2_000);
  expect(waited).toEqual([2_000]);
  expect(reads).toHaveLength(0);
  waiting[0]?.();
  await turn();
  expect(reads).toHaveLength(1);
  // What is told from now on may be missing in what is being read.
  catchUp.start(2_000);
  expect(waited).toEqual([2_000, 2_000]);
  catchUp.stop();
  waiting[1]?.();
  await turn();
  expect(reads).toHaveLength(1);
});

test("who is signed out is not read for", async () => {
  const { catchUp, reads, waited } = setUp("end at once");
  catchUp.start();
  reads[0]?.reject(new ApiError("unauthenticated", "sign in", { status: 401 }));
  await turn();
  expect([reads.length, waited.length]).toEqual([1, 0]);
});
