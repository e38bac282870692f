import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Reading } from "./reading.ts";
import { ResourceMonitor } from "./resource-monitor.ts";

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

async function startMonitor(procDirectory?: string) {
  const waiting: ((reading: Reading) => void)[] = [];
  const monitor = await ResourceMonitor.start({
    dataDirectory: tmpdir(),
    everyMs: 50,
    onReading: (reading) => {
      for (const resolve of waiting.splice(0)) resolve(reading);
    },
    ...(procDirectory ? { procDirectory } : {}),
  });
  releases.push(() => monitor.stop());
  return { monitor, next: () => new Promise<Reading>((resolve) => waiting.push(resolve)) };
}

/** Directories as the kernel fills them for a process in the cgroup /service/web. */
function fakeKernel() {
  const root = mkdtempSync(join(tmpdir(), "peregrine-kernel-"));
  releases.push(() => rmSync(root, { recursive: true }));
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("proc/self/cgroup", "3:cpu:/\n0::/service/web\n");
  write(
    "proc/self/mountinfo",
    `31 23 0:28 / /tmp rw - tmpfs tmpfs rw\n41 31 0:38 / ${join(root, "cgroup")} rw - cgroup2 cgroup2 rw\n`,
  );
  write("proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 1 1\n");
  write("proc/meminfo", "MemTotal:       8000000 kB\nMemAvailable:   6000000 kB\n");
  return { proc: join(root, "proc"), write };
}

test("reads this machine without a fault, and sees a core that is busy", async () => {
  const { next } = await startMonitor();
  await next();
  const reading = next();
  const usedUs = process.cpuUsage().user;
  while (process.cpuUsage().user - usedUs < 60_000);
  const { cpu, memory, disk, files } = await reading;
  expect(cpu.processCores).toBeGreaterThan(0.1);
  expect(cpu.fraction).toBeWithin(0, 1.001);
  expect(memory.fraction).toBeWithin(0.001, 1);
  expect(memory.processBytes).toBeGreaterThan(1_000_000);
  expect(disk?.totalBytes).toBeGreaterThan(disk?.freeBytes ?? 0);
  expect(files?.open).toBeGreaterThan(2);
});

test("an event loop that is held is seen for as long as it was held", async () => {
  const { next } = await startMonitor();
  await next();
  const reading = next();
  const untilMs = performance.now() + 300;
  while (performance.now() < untilMs);
  const { eventLoop } = await reading;
  expect(eventLoop.maxDelayMs).toBeWithin(200, 5000);
});

test("of the machine's memory and every enclosing group's, the fullest counts", async () => {
  const kernel = fakeKernel();
  kernel.write("cgroup/service/web/memory.max", "max\n");
  kernel.write("cgroup/service/memory.max", "1000000\n");
  kernel.write("cgroup/service/memory.current", "900000\n");
  kernel.write("cgroup/service/memory.stat", "anon 1\ninactive_file 100000\n");
  const { monitor, next } = await startMonitor(kernel.proc);
  expect(monitor.latest.memory).toMatchObject({
    limitedBy: "container",
    usedBytes: 800_000,
    limitBytes: 1_000_000,
    fraction: 0.8,
  });
  kernel.write("proc/meminfo", "MemTotal:       8000000 kB\nMemAvailable:   800000 kB\n");
  expect((await next()).memory).toMatchObject({ limitedBy: "machine", fraction: 0.9 });
});

test("a container's quota is what its CPU is measured against, and running into it is seen", async () => {
  const kernel = fakeKernel();
  const stat = (usedUs: number, periods: number, throttled: number) =>
    kernel.write(
      "cgroup/service/web/cpu.stat",
      `usage_usec ${usedUs}\nnr_periods ${periods}\nnr_throttled ${throttled}\n`,
    );
  kernel.write("cgroup/service/web/cpu.max", "50000 100000\n");
  stat(1_000_000, 10, 1);
  const { next } = await startMonitor(kernel.proc);
  // Far more than any time that can have passed: the quota is full.
  stat(1_000_000_000, 20, 6);
  const { cpu } = await next();
  expect(cpu).toMatchObject({ availableCores: 0.5, throttledFraction: 0.5, fraction: 1 });
});

test("the machine's CPU is what was busy of all ticks since the last reading", async () => {
  const kernel = fakeKernel();
  const { next } = await startMonitor(kernel.proc);
  // 60 busy of 100 ticks; iowait is idle, steal is busy.
  kernel.write("proc/stat", "cpu  130 0 110 820 20 0 0 20 0 0\n");
  expect((await next()).cpu.fraction).toBeCloseTo(0.6);
});

test("without /proc the system's own figures stand in", async () => {
  const { monitor } = await startMonitor(join(tmpdir(), "there-is-no-such-directory"));
  expect(monitor.latest.memory.limitBytes).toBeGreaterThan(1e8);
  expect(monitor.latest.files).toBeNull();
  expect(monitor.latest.cpu.throttledFraction).toBeNull();
});
