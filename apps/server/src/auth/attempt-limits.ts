import { createHash } from "node:crypto";
import type { Database } from "@peregrine/database";
import ipaddr from "ipaddr.js";
import { ApiError } from "../http/api-error.ts";

const windowSeconds = 15 * 60;
const perAccount = 10;
const perAddress = 100;
const accountsPerAddress = 50;

/**
 * Limits on guessing passwords and on making accounts, counted in the database so that they hold
 * over all servers. An attempt is counted before it is tried.
 */
export type AttemptLimits = {
  /** @throws ApiError too_many_attempts */
  login(email: string, address: string): Promise<void>;
  /** Forgets the failures of an account that has signed in. */
  loggedIn(email: string): Promise<void>;
  /** @throws ApiError too_many_attempts */
  register(address: string): Promise<void>;
};

export function createAttemptLimits(database: Database): AttemptLimits {
  async function count(key: string, limit: number): Promise<void> {
    const { count, retryAfterSeconds } = await database.attempts.count(key, windowSeconds);
    if (count > limit) {
      throw new ApiError("too_many_attempts", "Too many attempts. Try again later.", {
        retryAfterSeconds,
      });
    }
  }

  return {
    async login(email, address) {
      await count(addressKey("login", address), perAddress);
      await count(accountKey(email), perAccount);
    },
    loggedIn: (email) => database.attempts.clear([accountKey(email)]),
    register: (address) => count(addressKey("register", address), accountsPerAddress),
  };
}

/** A hash, so that the table holds no addresses of people, and keys have one length. */
function accountKey(email: string): string {
  return `login:${createHash("sha256").update(email.toLowerCase()).digest("base64url")}`;
}

/** An IPv6 client commands its whole /64: that is what is counted. */
function addressKey(action: string, address: string): string {
  if (!ipaddr.isValid(address)) return `${action}:unknown`;
  const parsed = ipaddr.process(address);
  const network =
    parsed.kind() === "ipv6" ? parsed.toByteArray().slice(0, 8) : parsed.toByteArray();
  return `${action}:${network.join(".")}`;
}
