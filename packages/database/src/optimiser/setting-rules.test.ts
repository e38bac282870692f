import { expect, test } from "bun:test";
import { postgresSettings } from "../embedded/settings.ts";
import type { Machine } from "./machine.ts";
import { judgeSettings, type Setting } from "./setting-rules.ts";

const gigabyte = 1024 ** 3;
const megabyte = 1024 ** 2;
const server: Machine = { memoryBytes: 16 * gigabyte, hasSolidDisk: true, isShared: false };

const setting = (name: string, value: string, number = 0, context = "user"): Setting => ({
  name,
  value,
  number,
  context,
});

/** Postgres 15 as it comes. */
const defaults = [
  setting("random_page_cost", "4", 4),
  setting("effective_io_concurrency", "1", 1),
  setting("effective_cache_size", "4 GB", 4 * gigabyte),
  setting("shared_buffers", "128 MB", 128 * megabyte),
  setting("work_mem", "4 MB", 4 * megabyte),
  setting("maintenance_work_mem", "64 MB", 64 * megabyte),
  setting("max_connections", "100", 100),
  setting("jit", "on"),
  setting("autovacuum", "on"),
  setting("enable_seqscan", "on"),
];

const wanted = (settings: Setting[], machine: Machine) =>
  Object.fromEntries(judgeSettings(settings, machine).map((one) => [one.name, one.wanted]));

test("the defaults are raised to what a machine of 16 GB with a solid disk can do", () => {
  expect(wanted(defaults, server)).toEqual({
    random_page_cost: "1.1",
    effective_io_concurrency: "64",
    shared_buffers: "4096MB",
    jit: "off",
  });
});

test("of a machine that is not known nothing is judged by its memory or disk", () => {
  const unknown = { memoryBytes: null, hasSolidDisk: null, isShared: false };
  expect(wanted(defaults, unknown)).toEqual({ jit: "off" });
});

test("memory that all connections together cannot have is taken back", () => {
  const greedy = [
    setting("work_mem", "512 MB", 512 * megabyte),
    setting("max_connections", "500", 500),
    setting("effective_cache_size", "64 GB", 64 * gigabyte),
  ];
  expect(wanted(greedy, server)).toEqual({ work_mem: "16MB", effective_cache_size: "12288MB" });
});

test("the slow compression of the log is named, a fast one is not", () => {
  for (const [value, better] of [
    ["pglz", "off"],
    ["on", "off"],
    ["off", undefined],
    ["lz4", undefined],
    ["zstd", undefined],
  ] as const) {
    expect(wanted([setting("wal_compression", value)], server).wal_compression).toBe(better);
  }
});

test("what makes data unsafe is named, and never changed without a person", () => {
  const unsafe = ["fsync", "full_page_writes", "synchronous_commit"].map((name) =>
    setting(name, "off"),
  );
  const findings = judgeSettings(unsafe, server);
  expect(findings.map(({ name, wanted, isSafe }) => [name, wanted, isSafe])).toEqual([
    ["fsync", "on", false],
    ["full_page_writes", "on", false],
    ["synchronous_commit", "on", false],
  ]);
});

test("a planner's switch is only ever turned on again, by a person", () => {
  const [finding] = judgeSettings([setting("enable_seqscan", "off")], server);
  expect(finding).toMatchObject({ wanted: "on", isSafe: false });
  expect(judgeSettings(defaults, server).filter(({ wanted }) => wanted === "off")).toHaveLength(1);
});

test.each([1, 4, 16, 64])(
  "what the embedded Postgres is given on %d GB needs no change",
  (gigabytes) => {
    const bytes = (text: string) =>
      Number.parseInt(text, 10) * (text.endsWith("GB") ? gigabyte : megabyte);
    const settings = Object.entries(postgresSettings(gigabytes * gigabyte)).map(([name, value]) =>
      setting(name, value, /[MG]B$/.test(value) ? bytes(value) : Number.parseFloat(value) || 0),
    );
    const machine = { memoryBytes: gigabytes * gigabyte, hasSolidDisk: true, isShared: true };
    expect(wanted(settings, machine)).toEqual({});
  },
);
