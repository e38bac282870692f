import { expect, test } from "bun:test";
import { createLog } from "@peregrine/process";
import { Cron } from "croner";
import { quietHours, scheduleOptimiser } from "./database-schedule.ts";

const log = createLog("silent", process.stdout);

function scheduled(busy: number, startRoutine = async () => null as never) {
  let started = 0;
  const schedule = scheduleOptimiser({
    log,
    // Never by itself.
    pattern: "0 0 30 2 *",
    optimiser: {
      busySessions: async () => busy,
      startRoutine: () => {
        started++;
        return startRoutine();
      },
    },
  });
  return { schedule, started: () => started };
}

test("it looks between one and five at night", () => {
  const cron = new Cron(quietHours, { paused: true });
  const hours = cron.nextRuns(30, new Date("2030-01-01T12:00:00")).map((run) => run.getHours());
  expect(new Set(hours)).toEqual(new Set([1, 2, 3, 4]));
  cron.stop();
});

test("it begins when little else goes on, and not before", async () => {
  const quiet = scheduled(1);
  await quiet.schedule.look();
  expect(quiet.started()).toBe(1);
  const busy = scheduled(30);
  await busy.schedule.look();
  expect(busy.started()).toBe(0);
  quiet.schedule.stop();
  busy.schedule.stop();
});
