import { ApiError } from "./api-error.ts";

type Options = {
  atOnce: number;
  maxWaiting: number;
  /** What whoever finds that many waiting is told. */
  refusal: string;
};

/** Does some work when its turn comes. @throws ApiError overloaded */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * For work that takes much of the machine: a few at once, others wait in the order in which they
 * came, and beyond a number they are turned away.
 */
export function createTurns({ atOnce, maxWaiting, refusal }: Options): Turns {
  let running = 0;
  const waiting: (() => void)[] = [];

  return async (work) => {
    if (running >= atOnce) {
      if (waiting.length >= maxWaiting) {
        throw new ApiError("overloaded", refusal, { retryAfterSeconds: 2 });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The place goes on to who waits next without being free in between.
      if (next) next();
      else running--;
    }
  };
}
