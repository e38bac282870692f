import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/**
 * Access traces for hit ratios. Public ones are read from a folder beside the repository, or from
 * `TRACES_DIR`, when they are there; traces of the same kinds are generated in any case.
 */
export function publicTraces(): { multi3: number[]; corda: number[]; loop: number[] } | undefined {
  const root = join(import.meta.dirname, "..", "..", "..", "..");
  const directory = process.env.TRACES_DIR ?? join(root, "..", "shared", "traces");
  if (!existsSync(join(directory, "lirs_multi3.trace.gz"))) return undefined;
  const lines = (name: string) =>
    gunzipSync(readFileSync(join(directory, name)))
      .toString()
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("*"))
      .map(Number);
  const packed = gunzipSync(readFileSync(join(directory, "corda_trace_vaultservice.gz")));
  const corda: number[] = [];
  for (let i = 0; i + 8 <= packed.length; i += 8) corda.push(Number(packed.readBigInt64BE(i)));
  return { multi3: lines("lirs_multi3.trace.gz"), corda, loop: lines("lirs_loop.trace.gz") };
}

/** The same keys round and round: nothing for LRU, all for who keeps a fixed part. */
export function loopTrace(keys: number, requests: number): number[] {
  return Array.from({ length: requests }, (_, i) => i % keys);
}

/** Most keys once, a third of the requests again soon after: a window is everything. */
export function onceAndAgainTrace(requests: number, random: () => number): number[] {
  const trace: number[] = [];
  let next = 0;
  while (trace.length < requests) {
    if (next > 8 && random() < 1 / 3) trace.push(next - 1 - Math.floor(random() * 8));
    else trace.push(next++);
  }
  return trace;
}

/** Some keys asked for far more often than others; every `shiftEvery` requests others come up. */
export function zipfTrace(
  options: { keys: number; skew: number; requests: number; shiftBy?: number; shiftEvery?: number },
  random: () => number,
): number[] {
  const { keys, skew, requests, shiftBy = 0, shiftEvery = Number.POSITIVE_INFINITY } = options;
  const cumulated = new Float64Array(keys);
  let total = 0;
  for (let i = 0; i < keys; i++) {
    total += 1 / (i + 1) ** skew;
    cumulated[i] = total;
  }
  return Array.from({ length: requests }, (_, i) => {
    const wanted = random() * total;
    let low = 0;
    let high = keys - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low + Math.floor(i / shiftEvery) * shiftBy;
  });
}

/** New keys all the time, asked for again mostly soon: what LRU is best at. */
export function recencyTrace(requests: number, meanDistance: number, random: () => number) {
  let next = 0;
  return Array.from({ length: requests }, () => {
    if (next < 10 || random() < 0.3) return next++;
    return Math.max(0, next - 1 - Math.floor(-Math.log(1 - random()) * meanDistance));
  });
}

/** Puts `count` keys never seen before or after between each request and the next. */
export function withScan(trace: readonly number[], count: number): number[] {
  let next = 1e12;
  return trace.flatMap((key) => [key, ...Array.from({ length: count }, () => next++)]);
}

/** A repeatable source of numbers from 0 to 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
