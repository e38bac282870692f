import { createTurns } from "../http/turns.ts";

/** OWASP's second recommendation for argon2id: 19 MiB, two passes; about 25 ms of one core. */
const parameters = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
const limits = {
  atOnce: 2,
  maxWaiting: 100,
  refusal: "Too many people are signing in. Try again shortly.",
};

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
  const turn = createTurns(limits);
  // Compared with where there is no account, so that the time does not tell.
  let decoy: Promise<string> | undefined;

  return {
    hash: (password) => turn(() => Bun.password.hash(password, parameters)),
    verify: (password, hash) =>
      turn(async () => {
        decoy ??= Bun.password.hash("no account has this password", parameters);
        const matches = await Bun.password.verify(password, hash ?? (await decoy));
        return matches && hash !== null;
      }),
  };
}
