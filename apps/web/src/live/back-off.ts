const FIRST_MS = 250;
const LONGEST_MS = 15_000;

/**
 * How long to wait before attempt number `failures` + 1: doubling from 250 ms to 15 s, and a random
 * half of it, so that the clients of a server that restarts do not come back all at once.
 */
export function backOffMs(failures: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return ceiling / 2 + (ceiling / 2) * random();
}

/** Resolves after `ms`, or as soon as the signal aborts. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish);
  });
}
