import { CacheError } from "./errors.ts";

/** Rejects with TIMED_OUT when `work` takes longer than `limitMs`. The work itself goes on. */
export function withTimeLimit<T>(work: Promise<T>, limitMs: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new CacheError("TIMED_OUT", `${what} took longer than ${limitMs} ms`)),
      limitMs,
    );
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
