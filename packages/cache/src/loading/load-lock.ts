import type { Clock } from "../clock.ts";
import type { Entry } from "../memory/entry.ts";
import type { RedisLayer } from "../redis/redis-layer.ts";
import { sleep } from "../time-limit.ts";

export type LockOutcome =
  /** Load, then call `release` with the writing of the value, if it is kept. */
  | { outcome: "locked"; release: (written: Promise<void> | undefined) => void }
  /** Another process has loaded it. */
  | { outcome: "found"; entry: Entry }
  /** Another process holds the lock. */
  | { outcome: "busy" }
  /** There is no telling: load without. */
  | { outcome: "unknown" };

/**
 * One load for each key at a time across processes: a short lock in Redis.
 *
 * The owner keeps it while the load goes on. Whoever waits looks for the value every few
 * milliseconds, and takes the lock over when it is given up without a value (the load failed, or its
 * value was overtaken by a write) or runs out (its owner died). The lock saves work, nothing else:
 * that no value is old does not rest on it, so if Redis fails everybody loads for himself.
 */
export class LoadLock {
  readonly #redis: RedisLayer | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #node: string;
  readonly #onError: (error: unknown) => void;
  #tokens = 0;

  constructor(options: {
    redis: RedisLayer | undefined;
    clock: Clock;
    random: () => number;
    node: string;
    onError: (error: unknown) => void;
  }) {
    this.#redis = options.redis;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#node = options.node;
    this.#onError = options.onError;
  }

  async take(
    key: string,
    wait: boolean,
    look: () => Promise<Entry | undefined>,
  ): Promise<LockOutcome> {
    const redis = this.#redis;
    if (redis === undefined) return { outcome: "unknown" };
    const token = `${this.#node}.${++this.#tokens}`;
    let pollMs = FIRST_POLL_MS;
    const giveUpAt = this.#clock.now() + MAX_WAIT_MS;
    try {
      while (redis.isUsable && this.#clock.now() < giveUpAt) {
        // In one packet, the look after the lock: the value may have come since our miss.
        const [locked, entry] = await Promise.all([redis.lock(key, token, LEASE_MS), look()]);
        const release = locked ? this.#keep(redis, key, token) : undefined;
        if (entry !== undefined) {
          release?.(undefined);
          return { outcome: "found", entry };
        }
        if (release !== undefined) return { outcome: "locked", release };
        if (!wait) return { outcome: "busy" };
        await sleep(pollMs * (0.5 + this.#random()));
        pollMs = Math.min(pollMs * 2, MAX_POLL_MS);
      }
    } catch (error) {
      this.#onError(error);
    }
    return { outcome: "unknown" };
  }

  #keep(redis: RedisLayer, key: string, token: string) {
    const timer = setInterval(() => {
      redis.renewLock(key, token, LEASE_MS).catch(this.#onError);
    }, LEASE_MS / 3);
    timer.unref?.();
    return (written: Promise<void> | undefined) => {
      clearInterval(timer);
      const unlock = () => redis.unlock(key, token);
      (written ?? Promise.resolve()).then(unlock).catch(this.#onError);
    };
  }
}

const LEASE_MS = 2000;
/** Values that come from a query are there after the first look or two. */
const FIRST_POLL_MS = 2;
const MAX_POLL_MS = 20;
const MAX_WAIT_MS = 60_000;
