import { ApiError } from "../http/api-error.ts";

/** OWASP's second recommendation for argon2id: 19 MiB, two passes; about 25 ms of one core. */
const parameters = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
const maxConcurrent = 2;
const maxWaiting = 100;

/** Hashes and verifies passwords on Bun's worker threads, a few at a time. */
export type Passwords = {
  hash(password: string): Promise<string>;
  /** Takes as long without an account (`hash` null) as with one. */
  verify(password: string, hash: string | null): Promise<boolean>;
};

/**
 * The limit keeps a rush of sign-ins from taking every core and 19 MiB each; beyond a bounded
 * queue they are turned away with `overloaded`.
 */
export function createPasswords(): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];
  // Compared with where there is no account, so that the time does not tell.
  let decoy: Promise<string> | undefined;

  async function limited<T>(work: () => Promise<T>): Promise<T> {
    if (running >= maxConcurrent) {
      if (waiting.length >= maxWaiting) {
        throw new ApiError("overloaded", "Too many people are signing in. Try again shortly.", {
          retryAfterSeconds: 2,
        });
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
  }

  return {
    hash: (password) => limited(() => Bun.password.hash(password, parameters)),
    verify: (password, hash) =>
      limited(async () => {
        decoy ??= Bun.password.hash("no account has this password", parameters);
        const matches = await Bun.password.verify(password, hash ?? (await decoy));
        return matches && hash !== null;
      }),
  };
}
