import { Cache } from "./cache.ts";
import { type CacheOptions, type CacheSettings, resolveOptions } from "./cache-options.ts";
import { Flights } from "./loading/flights.ts";
import { LoadLock } from "./loading/load-lock.ts";
import { Loader } from "./loading/loader.ts";
import { Reader } from "./loading/reader.ts";
import type { InvalidationLog } from "./log/invalidation-log.ts";
import { Knowledge } from "./log/knowledge.ts";
import { LogFollower } from "./log/log-follower.ts";
import { SoloLog } from "./log/solo-log.ts";
import type { Transport } from "./log/transport.ts";
import { EntryMaker } from "./make-entry.ts";
import { EntryIndex } from "./memory/entry-index.ts";
import { MemoryLayer } from "./memory/memory-layer.ts";
import { withTimeLimit } from "./time-limit.ts";
import { TypeCounts, type TypeState } from "./type-state.ts";
import { resolveType, type TypeTable } from "./type-table.ts";

/**
 * Opens a cache. It is ready as soon as it resolves, also when Redis cannot be reached: it then
 * serves from the source until Redis is there. Close it to stop its timers and connections.
 */
export async function createCache<const T extends TypeTable>(
  options: CacheOptions<T>,
): Promise<Cache<T>> {
  const settings = resolveOptions(options);
  const { clock, random, events, redis: redisSettings } = settings;
  const types: Record<string, TypeState> = Object.create(null);
  for (const [name, definition] of Object.entries(options.types)) {
    types[name] = {
      ...resolveType(name, definition),
      counts: new TypeCounts(),
      index: new EntryIndex(),
    };
  }

  const knowledge = new Knowledge({ maxVersions: MAX_GUARDS });
  const memory = new MemoryLayer({
    types: Object.values(types),
    maxEntries: settings.maxEntries,
    maxBytes: settings.maxBytes,
    knowledge,
    clock,
    random,
  });
  // Its client takes 8 MB: only those who use it load it.
  const opened =
    redisSettings &&
    (await import("./redis/open-redis.ts")).openRedis(
      redisSettings,
      settings,
      knowledge,
      MAX_GUARDS,
    );
  const { link, layer: redis } = opened ?? {};
  const transport = options.transport ?? opened?.transport;
  const log = openLog(settings, transport, knowledge, memory);
  const maker = new EntryMaker({ clock, random, knowledge });
  const lock = new LoadLock({
    redis,
    clock,
    random,
    node: settings.node,
    onError: (error) => events.onError?.(error, "lock"),
  });
  const loader = new Loader({ clock, knowledge, maker, memory, redis, lock, events });
  const flights = new Flights({ knowledge, clock });
  const reader = new Reader({ settings, memory, knowledge, flights, loader });

  const sweeper = setInterval(() => {
    memory.sweep(Math.max(MIN_SWEEP, Math.ceil(memory.size / SWEEPS_PER_ROUND)));
  }, SWEEP_INTERVAL_MS);
  sweeper.unref?.();

  const release = async () => {
    clearInterval(sweeper);
    redis?.close();
    link?.close();
  };
  if (link !== undefined) {
    // A Redis that is there is used from the first request on; one that is not holds nothing up.
    await withTimeLimit(link.connected, FIRST_CONNECT_MS, "connecting to Redis").catch((error) =>
      events.onError?.(error, "redis link"),
    );
  }
  await log.start();
  return new Cache<T>({
    settings,
    types,
    memory,
    redis,
    log,
    maker,
    flights,
    loader,
    reader,
    release,
  });
}

/** Guards whose numbers are remembered, here and in Redis. About 100 bytes each. */
const MAX_GUARDS = 500_000;
const SWEEP_INTERVAL_MS = 250;
/** A round over a large memory takes a minute, a small one is looked at whole each time. */
const SWEEPS_PER_ROUND = 240;
const MIN_SWEEP = 1000;
const FIRST_CONNECT_MS = 1000;
/** Limit of one call for the log. Longer than for a value: to be cut off costs more than to wait. */
const LOG_CALL_TIMEOUT_MS = 250;

function openLog(
  settings: CacheSettings,
  transport: Transport | undefined,
  knowledge: Knowledge,
  memory: MemoryLayer,
): InvalidationLog {
  if (transport === undefined) return new SoloLog(knowledge);
  return new LogFollower({
    node: settings.node,
    transport,
    witness: settings.witness,
    knowledge,
    clock: settings.clock,
    leaseMs: settings.leaseMs,
    pendingLeaseMs: settings.pendingLeaseMs,
    callTimeoutMs: LOG_CALL_TIMEOUT_MS,
    onReset: (reason) => {
      memory.clear();
      settings.events.onReset?.(reason);
    },
    onError: (error, during) => settings.events.onError?.(error, during),
  });
}
