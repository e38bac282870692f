import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { eventually, KeptLog, startTestEdge } from "../testing/test-edge.ts";
import { BackOff } from "./back-off.ts";
import { Fleet } from "./fleet.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const program = join(import.meta.dirname, "../testing/fault-server.ts");

function createFleet(args: readonly string[], log: KeptLog, drainTimeoutMs = 10_000): Fleet {
  const fleet = new Fleet({
    count: 2,
    command: [process.execPath, ...args],
    environment: process.env,
    log,
    startTimeoutMs: 30_000,
    drainTimeoutMs,
    stopTimeoutMs: 1000,
  });
  cleanUps.push(() => fleet.stop());
  return fleet;
}

async function startFleet(drainTimeoutMs?: number) {
  const log = new KeptLog();
  const fleet = createFleet([program, "server"], log, drainTimeoutMs);
  const urls = await fleet.start();
  const edge = await startTestEdge({ urls });
  cleanUps.push(() => edge.stop());
  fleet.attach(edge);
  return { fleet, edge, urls, log };
}

test("servers that wait for nothing are stopped only when their last answer is whole", async () => {
  const { fleet, edge, urls } = await startFleet();
  const streams = Array.from({ length: 20 }, async () => {
    const text = await (await fetch(`${edge.url}/stream?n=100`)).text();
    return [...text.matchAll(/data: (\d+)/g)].map(([, event]) => Number(event));
  });
  await eventually(
    () => edge.pool.snapshot().servers.every((server) => server.inFlight > 0),
    "streams on both servers",
  );
  await fleet.replaceAll();
  const whole = Array.from({ length: 100 }, (_, event) => event);
  for (const events of await Promise.all(streams)) expect(events).toEqual(whole);
  const now = edge.pool.snapshot().servers.map((server) => server.url);
  expect(now).toHaveLength(2);
  expect(now.filter((url) => urls.includes(url))).toEqual([]);
}, 60_000);

test("an answer without end holds a replacement up for the time it has, and no longer", async () => {
  const { fleet, edge } = await startFleet(200);
  const endless = await fetch(`${edge.url}/stream?n=100000`);
  const reading = endless.text().catch(() => "cut");
  const startedMs = performance.now();
  await fleet.replaceAll();
  expect(performance.now() - startedMs).toBeLessThan(30_000);
  expect(await reading).toBe("cut");
});

test("a server that dies is started again, and its successor takes requests", async () => {
  const { fleet, edge, log } = await startFleet();
  const [victim] = fleet.pids;
  process.kill(victim ?? 0, "SIGKILL");
  await eventually(() => log.lines.some(({ message }) => /died/.test(message)), "its death");
  await eventually(
    () =>
      edge.pool.snapshot().servers.length === 2 &&
      edge.pool.snapshot().servers.every((server) => server.state === "up"),
    "two servers that are up",
  );
  expect(fleet.pids).not.toContain(victim);
  expect((await fetch(edge.url)).status).toBe(200);
});

test("a server that does not start stops the start, and leaves no process behind", async () => {
  const fleet = createFleet(["-e", "process.exit(3)"], new KeptLog());
  await expect(fleet.start()).rejects.toThrow("the server ended before it was ready, with 3");
  expect(fleet.pids).toEqual([]);
});

test("deaths in a row make the waits longer, and a minute of life forgives them", () => {
  const backOff = new BackOff();
  expect([0, 0, 0].map((livedMs) => backOff.nextMs(livedMs))).toEqual([250, 500, 1000]);
  for (let death = 0; death < 10; death++) backOff.nextMs(0);
  expect(backOff.nextMs(59_999)).toBe(30_000);
  expect(backOff.nextMs(60_000)).toBe(250);
});
