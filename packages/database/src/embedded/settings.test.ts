import { expect, test } from "bun:test";
import { postgresSettings, renderSettings } from "./settings.ts";

const gigabyte = 1024 ** 3;

test("memory is shared with the application, within bounds", () => {
  expect(postgresSettings(0.25 * gigabyte).shared_buffers).toBe("32MB");
  expect(postgresSettings(8 * gigabyte).shared_buffers).toBe("1024MB");
  expect(postgresSettings(256 * gigabyte).shared_buffers).toBe("2048MB");
  expect(postgresSettings(8 * gigabyte).effective_cache_size).toBe("4096MB");
});

test("what is committed is on disk", () => {
  const settings = postgresSettings();
  for (const name of ["fsync", "synchronous_commit", "full_page_writes"]) {
    expect(settings).not.toHaveProperty(name);
  }
});

test("renders one setting a line", () => {
  expect(renderSettings({ jit: "off", timezone: "'UTC'" }).split("\n").slice(1)).toEqual([
    "jit = off",
    "timezone = 'UTC'",
    "",
  ]);
});
