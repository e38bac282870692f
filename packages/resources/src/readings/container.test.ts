import { afterAll, afterEach, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeLimitedGroup } from "../testing/index.ts";
import { Container } from "./container.ts";

const mebibyte = 1024 ** 2;
const unlimited = "9223372036854771712\n";
const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

/** Directories as the kernel fills them; `mounts` by directory below the root: the line's other words. */
function fakeKernel(cgroup: string, mounts: Record<string, { root?: string; source: string }>) {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-kernel-"));
  releases.push(() => rmSync(directory, { recursive: true }));
  const write = (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(directory, path, ".."), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
  };
  const lines = Object.entries(mounts).map(
    ([path, { root = "/", source }], i) =>
      `${35 + i} 31 0:32 ${root} ${join(directory, path)} rw,relatime - ${source}\n`,
  );
  write({ "proc/self/cgroup": cgroup, "proc/self/mountinfo": lines.join("") });
  return { write, directory, container: () => Container.find(join(directory, "proc")) };
}

const memoryV1 = { source: "cgroup cgroup rw,memory" };

test("memory of version 1: the usage without inactive files of all groups below, of the fullest group", async () => {
  const kernel = fakeKernel("4:memory:/service/web\n0::/\n", {
    memory: memoryV1,
    unified: { source: "cgroup2 cgroup2 rw" },
  });
  kernel.write({
    "memory/memory.limit_in_bytes": unlimited,
    "memory/memory.usage_in_bytes": "8000000\n",
    "memory/service/memory.limit_in_bytes": "1000000\n",
    "memory/service/memory.usage_in_bytes": "900000\n",
    "memory/service/memory.stat": "inactive_file 1\ntotal_inactive_file 100000\n",
    "memory/service/web/memory.limit_in_bytes": "2000000\n",
    "memory/service/web/memory.usage_in_bytes": "900000\n",
  });
  const container = await kernel.container();
  expect(await container.memory()).toEqual({ usedBytes: 800_000, limitBytes: 1_000_000 });
  kernel.write({ "memory/service/memory.limit_in_bytes": unlimited });
  expect(await container.memory()).toEqual({ usedBytes: 900_000, limitBytes: 2_000_000 });
  kernel.write({ "memory/service/web/memory.limit_in_bytes": unlimited });
  expect(await container.memory()).toBeNull();
});

test("an engine mounts the container's own group, whose path is the host's", async () => {
  const kernel = fakeKernel("4:memory:/docker/abc/inner\n", {
    memory: { ...memoryV1, root: "/docker/abc" },
  });
  kernel.write({
    "memory/memory.limit_in_bytes": "1000000\n",
    "memory/memory.usage_in_bytes": "250000\n",
    "memory/inner/memory.limit_in_bytes": "2000000\n",
    "memory/inner/memory.usage_in_bytes": "100000\n",
  });
  expect(await (await kernel.container()).memory()).toEqual({
    usedBytes: 250_000,
    limitBytes: 1_000_000,
  });
});

test.each(["/docker/abc", "/../../service", "/elsewhere"])(
  "a path that cannot be seen, %s, is the mounted group",
  async (path) => {
    const kernel = fakeKernel(`4:memory:${path}\n`, {
      memory: { ...memoryV1, root: "/docker/ab" },
    });
    kernel.write({
      "memory/memory.limit_in_bytes": "1000000\n",
      "memory/memory.usage_in_bytes": "250000\n",
    });
    expect((await (await kernel.container()).memory())?.usedBytes).toBe(250_000);
  },
);

test("a quota of version 1 is read with what its group used, mounted together or apart", async () => {
  const files = (cpu: string, account: string) => ({
    [`${cpu}/service/cpu.cfs_quota_us`]: "150000\n",
    [`${cpu}/service/cpu.cfs_period_us`]: "100000\n",
    [`${cpu}/service/cpu.stat`]: "nr_periods 20\nnr_throttled 5\nthrottled_time 7\n",
    [`${cpu}/cpu.cfs_quota_us`]: "-1\n",
    [`${account}/service/cpuacct.usage`]: "3000000000\n",
  });
  const expected = { usedUs: 3_000_000, quotaCores: 1.5, periods: 20, throttledPeriods: 5 };

  const together = fakeKernel("1:cpu,cpuacct:/service\n", {
    both: { source: "cgroup cgroup rw,cpu,cpuacct" },
  });
  together.write(files("both", "both"));
  const groups = await (await together.container()).cpu();
  expect([...groups]).toEqual([[join(together.directory, "both/service"), expected]]);

  const apart = fakeKernel("2:cpuacct:/service\n1:cpu:/service\n", {
    account: { source: "cgroup cgroup rw,cpuacct" },
    cpu: { source: "cgroup cgroup rw,cpu" },
  });
  apart.write(files("cpu", "account"));
  expect([...(await (await apart.container()).cpu()).values()]).toEqual([expected]);
});

test("on a hybrid machine each controller is read where it is", async () => {
  const kernel = fakeKernel("4:memory:/a\n1:name=systemd:/a\n0::/b\n", {
    memory: memoryV1,
    systemd: { source: "cgroup cgroup rw,name=systemd" },
    unified: { source: "cgroup2 cgroup2 rw" },
  });
  kernel.write({
    "memory/a/memory.limit_in_bytes": "1000000\n",
    "memory/a/memory.usage_in_bytes": "500000\n",
    "unified/b/memory.max": "1\n",
    "unified/b/memory.current": "1\n",
    "unified/b/cpu.max": "50000 100000\n",
    "unified/b/cpu.stat": "usage_usec 7\n",
  });
  const container = await kernel.container();
  expect((await container.memory())?.limitBytes).toBe(1_000_000);
  expect([...(await container.cpu()).values()]).toMatchObject([{ quotaCores: 0.5, usedUs: 7 }]);
});

/** Prints what a process finds of its own container, once it has held memory and run out of its quota. */
const readSelf = `
  const { Container } = await import(${JSON.stringify(join(import.meta.dirname, "container.ts"))});
  const container = await Container.find("/proc");
  const held = Buffer.alloc(100 * ${mebibyte}, 1);
  const endMs = performance.now() + 10_000;
  let cpu = [];
  while (performance.now() < endMs && !(cpu[0]?.throttledPeriods > 0)) {
    cpu = [...(await container.cpu()).values()];
  }
  console.log(JSON.stringify({ memory: await container.memory(), cpu, held: held.length }));`;

const group = makeLimitedGroup({ memoryBytes: 512 * mebibyte, cores: 0.2 });
if (typeof group === "string") {
  test.skip(`a real group's limits: none can be made here (${group})`, () => {});
} else {
  afterAll(() => group.remove());
  test(`a process in a real group (version ${group.version}) finds its limits, what it uses, and that it is throttled`, async () => {
    const [shell = "", ...rest] = group.inside([process.execPath, "-e", readSelf]);
    const { stdout } = await promisify(execFile)(shell, rest);
    const { memory, cpu } = JSON.parse(stdout);
    expect(memory.limitBytes).toBe(512 * mebibyte);
    expect(memory.usedBytes).toBeWithin(100 * mebibyte, 512 * mebibyte);
    expect(cpu[0].quotaCores).toBe(0.2);
    expect(cpu[0].usedUs).toBeGreaterThan(10_000);
    expect(cpu[0].throttledPeriods).toBeGreaterThan(0);
  });
}
