import { randomUUID } from "node:crypto";
import { type Clock, SystemClock } from "./clock.ts";
import { CacheError } from "./errors.ts";
import type { CacheEvents } from "./events.ts";
import type { Transport } from "./log/transport.ts";
import type { Witness } from "./log/witness.ts";
import type { RedisTarget } from "./redis/redis-link.ts";
import { checkNumber, type TypeTable } from "./type-table.ts";

export interface CacheOptions<T extends TypeTable> {
  readonly types: T;
  /** Bounds of the memory layer. Defaults 1,000 entries, 64 MB. */
  readonly maxEntries?: number;
  readonly maxBytes?: number;
  readonly redis?: RedisOptions | undefined;
  /** Carries invalidations between processes when there is no Redis. */
  readonly transport?: Transport | undefined;
  /** How processes that are cut off warn the others. With Redis or a transport only. */
  readonly witness?: Witness | undefined;
  /** How long memory may be served without word from the log. Default 600. */
  readonly leaseMs?: number;
  /** How long the marker of a pending write outlives a writer that died. Default 10,000. */
  readonly pendingLeaseMs?: number;
  readonly on?: CacheEvents;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export interface RedisOptions {
  readonly target: RedisTarget;
  /** Begins every key. Default "peregrine". */
  readonly namespace?: string;
  /** Limit of one call for a value. Default 40. */
  readonly callTimeoutMs?: number;
  /** Values with more JSON than this are compressed. Default 2,048. */
  readonly compressAboveBytes?: number;
  /** About how many records the log keeps. Default 100,000. */
  readonly maxLogRecords?: number;
}

/** The options with every default in place, checked. */
export interface CacheSettings {
  readonly node: string;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly leaseMs: number;
  readonly pendingLeaseMs: number;
  readonly witness: Witness | undefined;
  readonly events: CacheEvents;
  readonly clock: Clock;
  readonly random: () => number;
  readonly redis: Required<RedisOptions> | undefined;
}

export function resolveOptions<T extends TypeTable>(options: CacheOptions<T>): CacheSettings {
  const { redis } = options;
  if (redis !== undefined && options.transport !== undefined) {
    throw new CacheError(
      "BAD_OPTION",
      "redis and transport are both given; Redis is the transport",
    );
  }
  const leaseMs = checkNumber("leaseMs", options.leaseMs ?? 600, 50, 60_000);
  return {
    node: randomUUID(),
    maxEntries: Math.floor(checkNumber("maxEntries", options.maxEntries ?? 1000, 1, 1e8)),
    maxBytes: checkNumber("maxBytes", options.maxBytes ?? 64 * 1024 * 1024, 1024, 2 ** 45),
    leaseMs,
    pendingLeaseMs: checkNumber(
      "pendingLeaseMs",
      options.pendingLeaseMs ?? 10_000,
      leaseMs,
      3_600_000,
    ),
    witness: options.witness,
    events: options.on ?? {},
    clock: options.clock ?? new SystemClock(),
    random: options.random ?? Math.random,
    redis: redis && {
      target: redis.target,
      namespace: checkNamespace(redis.namespace ?? "peregrine"),
      callTimeoutMs: checkNumber("redis.callTimeoutMs", redis.callTimeoutMs ?? 40, 1, 60_000),
      compressAboveBytes: checkNumber(
        "redis.compressAboveBytes",
        redis.compressAboveBytes ?? 2048,
        0,
        2 ** 31,
      ),
      maxLogRecords: checkNumber(
        "redis.maxLogRecords",
        redis.maxLogRecords ?? 100_000,
        1,
        10_000_000,
      ),
    },
  };
}

function checkNamespace(namespace: string): string {
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(namespace)) return namespace;
  throw new CacheError(
    "BAD_OPTION",
    `redis.namespace is ${JSON.stringify(namespace)}; it has to be 1 to 64 letters, digits, _, . or -`,
  );
}
