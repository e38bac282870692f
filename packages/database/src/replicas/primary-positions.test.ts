import { expect, test } from "bun:test";
import { PrimaryPositions } from "./primary-positions.ts";

test("no floor is known before the primary has told where it is", () => {
  const primary = new PrimaryPositions(5_000);
  expect(primary.floor(0)).toBeUndefined();
  primary.add(100n, 0);
  expect(primary.floor(0)).toBe(100n);
});

test("the floor follows the primary at the distance that is allowed", () => {
  const primary = new PrimaryPositions(5_000);
  for (let second = 0; second <= 20; second++) primary.add(BigInt(second), second * 1_000);
  expect(primary.floor(20_000)).toBe(15n);
  expect(primary.floor(20_999)).toBe(15n);
  expect(primary.floor(21_000)).toBe(16n);
});

test("while the primary does not answer, the floor rises to where it was last", () => {
  const primary = new PrimaryPositions(5_000);
  primary.add(1n, 0);
  primary.add(2n, 1_000);
  expect(primary.floor(60_000)).toBe(2n);
});

test("a replica that has everything is not behind, however long nothing was written", () => {
  const primary = new PrimaryPositions(5_000);
  primary.add(100n, 0);
  primary.add(100n, 60_000);
  expect(primary.lagMs(100n, 120_000)).toBe(0);
});

test("one that lacks something is behind since the primary was first seen beyond it", () => {
  const primary = new PrimaryPositions(5_000);
  for (let second = 0; second <= 10; second++) primary.add(BigInt(second * 100), second * 1_000);
  expect(primary.lagMs(250n, 12_000)).toBe(9_000);
  expect(primary.lagMs(999n, 12_000)).toBe(2_000);
  expect(primary.lagMs(1_000n, 12_000)).toBe(0);
});

test("a primary that comes back behind where it was takes the floor and the lag back with it", () => {
  const primary = new PrimaryPositions(5_000);
  for (let second = 0; second <= 10; second++) primary.add(BigInt(second), second * 1_000);
  primary.add(7n, 11_000);
  expect(primary.floor(30_000)).toBe(7n);
  expect(primary.lagMs(7n, 30_000)).toBe(0);
  primary.add(8n, 31_000);
  expect(primary.lagMs(7n, 32_000)).toBe(1_000);
});

test("what all have is forgotten, and the lag of the others is still known", () => {
  const primary = new PrimaryPositions(5_000);
  for (let second = 0; second <= 10; second++) primary.add(BigInt(second), second * 1_000);
  primary.forget(4n, 20_000);
  expect(primary.lagMs(4n, 20_000)).toBe(15_000);
  expect(primary.lagMs(0n, 20_000)).toBe(15_000);
  primary.forget(10n, 20_000);
  expect(primary.lagMs(10n, 20_000)).toBe(0);
  primary.add(11n, 21_000);
  expect(primary.lagMs(10n, 22_000)).toBe(1_000);
});

test("what all have is kept for as long as the floor needs it", () => {
  const primary = new PrimaryPositions(5_000);
  for (let second = 0; second <= 10; second++) {
    primary.add(BigInt(second), second * 1_000);
    primary.forget(BigInt(second), second * 1_000);
    expect(primary.floor(second * 1_000)).toBe(BigInt(Math.max(0, second - 5)));
  }
});

test("a replica that is away for a day costs bounded memory, and its lag is still right", () => {
  const primary = new PrimaryPositions(5_000);
  const samples = 100_000;
  for (let i = 1; i <= samples; i++) primary.add(BigInt(i), i * 250);
  const now = samples * 250;
  expect(Math.abs(primary.lagMs(0n, now) - now)).toBeLessThan(250_000);
});
