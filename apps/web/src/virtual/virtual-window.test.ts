import { expect, test } from "bun:test";
import { HeightIndex } from "./height-index.ts";
import { VirtualWindow } from "./virtual-window.ts";

/** A small linear congruential generator, so that a failure comes again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

test("the height index agrees with plain sums at every size", () => {
  const next = random(7);
  for (const length of [1, 2, 3, 7, 8, 9, 100]) {
    const heights = Array.from({ length }, () => 1 + Math.floor(next() * 50));
    const index = new HeightIndex(heights.map(() => 5));
    heights.forEach((height, i) => {
      index.set(i, height);
    });
    let sum = 0;
    heights.forEach((height, i) => {
      expect(index.offset(i)).toBe(sum);
      expect(index.at(sum)).toBe(i);
      expect(index.at(sum + height - 0.5)).toBe(i);
      sum += height;
    });
    expect(index.total).toBe(sum);
    expect(index.at(-100)).toBe(0);
    expect(index.at(sum + 100)).toBe(length - 1);
  }
});

const keys = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => String(from + i));

function windowOf(from: number, to: number): VirtualWindow {
  const window = new VirtualWindow();
  window.setKeys(keys(from, to), () => 100, 0);
  return window;
}

test("draws what is in view and the overscan, no more", () => {
  const window = windowOf(0, 10_000);
  expect(window.height).toBe(1_000_000);
  expect(window.range(0, 800, 200)).toEqual({ start: 0, end: 11, top: 0 });
  expect(window.range(500_000, 800, 200)).toEqual({ start: 4998, end: 5011, top: 499_800 });
  expect(window.range(999_200, 800, 200).end).toBe(10_000);
});

test("what is in view stays put when something above it is measured", () => {
  const window = windowOf(0, 100);
  const before = window.top(50);
  expect(window.measure([["49", 180]], 5000)).toBe(true);
  expect(window.top(50)).toBe(before);
  expect(window.shift).toBe(-80);
  expect(window.measure([["49", 180]], 5000)).toBe(false);
});

test("what grows below, or in the item at the top of the view, leaves its start in place", () => {
  const window = windowOf(0, 100);
  const before = window.top(50);
  window.measure(
    [
      ["50", 400],
      ["70", 300],
    ],
    5000,
  );
  expect(window.top(50)).toBe(before);
  expect(window.shift).toBe(0);
  expect(window.height).toBe(10_500);
});

test("older items in front do not move the view, before and after settling", () => {
  const window = windowOf(100, 200);
  window.measure([["100", 250]], 40);
  const onScreen = window.top(0) - 40;
  window.setKeys(keys(0, 200), () => 100, 40);
  expect(window.top(100) - 40).toBe(onScreen);
  expect(window.needsSettling(40, 800)).toBe(true);
  const scrollTop = window.settle(40);
  expect(scrollTop).toBe(10_040);
  expect(window.top(100) - scrollTop).toBe(onScreen);
  expect(window.top(0)).toBe(0);
});

test("keeps the next item in place when the one at the top of the view is removed", () => {
  const window = windowOf(0, 100);
  const before = window.top(51);
  window.setKeys(
    keys(0, 100).filter((key) => key !== "50"),
    () => 100,
    5020,
  );
  expect(window.top(50)).toBe(before);
});

test("remembers measured heights across changes of the list, and forgets removed items", () => {
  const window = windowOf(0, 3);
  window.measure([["1", 40]], 0);
  window.setKeys(keys(0, 4), () => 100, 0);
  expect(window.height).toBe(340);
  window.setKeys(["0"], () => 100, 0);
  window.setKeys(keys(0, 2), () => 100, 0);
  expect(window.height).toBe(200);
});

test("an arbitrary walk with measuring and settling never moves what is at the top of the view", () => {
  const next = random(42);
  const real = (key: string) => 40 + ((Number(key) * 7919) % 500);
  let first = 9_900;
  const window = new VirtualWindow();
  window.setKeys(keys(first, 10_000), () => 120, 0);
  let scrollTop = window.height - 800;
  for (let step = 0; step < 2_000; step++) {
    scrollTop = Math.max(0, scrollTop - next() * 150);
    const { start } = window.range(scrollTop, 800, 0);
    const key = String(first + start);
    const place = window.top(start) - scrollTop;
    const { start: from, end } = window.range(scrollTop, 800, 600);
    window.measure(
      keys(first + from, first + end).map((k) => [k, real(k)] as const),
      scrollTop,
    );
    if (scrollTop < 2_000 && first > 0) {
      first -= 100;
      window.setKeys(keys(first, 10_000), () => 120, scrollTop);
    }
    if (window.needsSettling(scrollTop, 800)) scrollTop = window.settle(scrollTop);
    expect(window.top(Number(key) - first) - scrollTop).toBeCloseTo(place, 6);
  }
  expect(first).toBeLessThan(9_000);
});
