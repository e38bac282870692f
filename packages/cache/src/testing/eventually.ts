import { sleep } from "../time-limit.ts";

const withinMs = 30_000;

/** Waits for a condition, and fails with its name when it does not come true in time. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > until) throw new Error(`after ${withinMs} ms still not: ${what}`);
    await sleep(5);
  }
}

/** A promise to settle by hand. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
