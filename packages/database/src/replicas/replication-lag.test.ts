import { expect, test } from "bun:test";
import { ReplicationLag } from "./replication-lag.ts";

test("a replica that has everything is not behind, however long nothing was written", () => {
  const lag = new ReplicationLag();
  lag.primaryAt(100n, 0);
  lag.primaryAt(100n, 60_000);
  expect(lag.of(100n, 120_000)).toBe(0);
});

test("one that lacks something is behind since the primary was first seen beyond it", () => {
  const lag = new ReplicationLag();
  for (let second = 0; second <= 10; second++) {
    lag.primaryAt(BigInt(second * 100), second * 1000);
  }
  expect(lag.of(250n, 12_000)).toBe(9_000);
  expect(lag.of(999n, 12_000)).toBe(2_000);
  expect(lag.of(1_000n, 12_000)).toBe(0);
});

test("what all have is forgotten, and the lag of the others is still known", () => {
  const lag = new ReplicationLag();
  for (let second = 0; second <= 10; second++) lag.primaryAt(BigInt(second), second * 1000);
  lag.forget(4n);
  expect(lag.of(4n, 20_000)).toBe(15_000);
  lag.forget(10n);
  expect(lag.of(10n, 20_000)).toBe(0);
  lag.primaryAt(11n, 21_000);
  expect(lag.of(10n, 22_000)).toBe(1_000);
});

test("a replica that is away for a day costs bounded memory, and its lag is still right", () => {
  const lag = new ReplicationLag();
  const samples = 100_000;
  for (let i = 1; i <= samples; i++) lag.primaryAt(BigInt(i), i * 250);
  const now = samples * 250;
  expect(Math.abs(lag.of(0n, now) - now)).toBeLessThan(250_000);
});
