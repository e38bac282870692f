import KeyvRedis from "@keyv/redis";
import {
  createCache as createOurs,
  type IpcChannel,
  ipcTransport,
  LogHub,
  typed,
} from "@peregrine/cache";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { redisDriver } from "bentocache/drivers/redis";
import { createCache as createManager } from "cache-manager";
import { Cacheable, CacheableMemory } from "cacheable";
import { Keyv } from "keyv";
import { LRUCache } from "lru-cache";

/** What is cached in every benchmark: about 1 kB of JSON. */
export interface Conversation {
  id: string;
  title: string;
  text: string;
}

const TTL_MS = 3_600_000;

/** Keys as the application has them: an owner and an id, both UUIDs. */
export function makeKeys(count: number): { owner: string; id: string; text: string }[] {
  const uuid = (kind: string, n: number) =>
    `0198c0de-${kind}-7000-8000-${String(n).padStart(12, "0")}`;
  return Array.from({ length: count }, (_, i) => {
    const owner = uuid("0001", Math.floor(i / 20));
    const id = uuid("0002", i);
    return { owner, id, text: `conversation:${owner}:${id}` };
  });
}

export type Key = ReturnType<typeof makeKeys>[number];

/** The key in texts of its own, which nobody has hashed yet, as each request brings them. */
export function freshKey({ owner, id, text }: Key): Key {
  const copy = (value: string) => Buffer.from(value).toString();
  return { owner: copy(owner), id: copy(id), text: copy(text) };
}

export function makeValue(i: number): Conversation {
  return { id: `c${i}`, title: `Conversation ${i}`, text: `${i} `.padEnd(940, "lorem ipsum ") };
}

/** One cache, asked in its own usual way. */
export interface Subject {
  readonly name: string;
  set(key: Key, value: Conversation): Promise<unknown> | unknown;
  get(key: Key): Promise<unknown> | unknown;
  /** Gets the value or loads it, shared between those who ask at once, where that is offered. */
  load?(key: Key, load: () => Promise<Conversation>): Promise<unknown>;
  close(): Promise<unknown>;
}

const types = {
  conversation: {
    lifetimeMs: TTL_MS,
    layer: "redis",
    key: ["id"],
    value: typed<Conversation>(),
  },
} as const;

export async function ours(entries: number, redisUrl?: string): Promise<Subject> {
  const cache = await createOurs({
    types,
    maxEntries: entries,
    maxBytes: 8 * 1024 ** 3,
    redis:
      redisUrl === undefined
        ? undefined
        : { target: { kind: "single", url: redisUrl }, callTimeoutMs: 5000 },
  });
  while (cache.stats().log.state === "cut-off") await new Promise((done) => setTimeout(done, 20));
  return {
    name: "peregrine",
    set: (key, value) => cache.set("conversation", key, value),
    get: (key) =>
      redisUrl === undefined
        ? cache.getOrLoad("conversation", key, missing)
        : cache.get("conversation", key),
    load: (key, load) => cache.getOrLoad("conversation", key, load),
    close: () => cache.close(),
  };
}

/**
 * The same by `peek`, which needs no promise. `alone`: no other process writes. Among several each
 * hit also asks the clock whether this process still knows of all writes.
 */
export async function oursAtOnce(entries: number, alone: boolean): Promise<Subject> {
  const bounds = { maxEntries: entries, maxBytes: 8 * 1024 ** 3 };
  // A lease that outlives a turn of the benchmark, which leaves its beats no time.
  const shared = {
    transport: ipcTransport(connectedChannel()),
    leaseMs: 60_000,
    pendingLeaseMs: 60_000,
  };
  const cache = await createOurs({ types, ...bounds, ...(alone ? {} : shared) });
  return {
    name: alone ? "peregrine, peek" : "peregrine, peek, several",
    set: (key, value) => cache.set("conversation", key, value),
    get: (key) => cache.peek("conversation", key),
    close: () => cache.close(),
  };
}

/** A channel to a log hub in this very process. */
function connectedChannel(): IpcChannel {
  const toHub = new Set<(message: unknown) => void>();
  const toMember = new Set<(message: unknown) => void>();
  const end = (to: typeof toHub, from: typeof toHub): IpcChannel => ({
    send: (message) => {
      queueMicrotask(() => {
        for (const listener of to) listener(message);
      });
    },
    listen: (listener) => {
      from.add(listener);
      return () => from.delete(listener);
    },
  });
  new LogHub({ leaseMs: 60_000 }).attach(end(toMember, toHub));
  return end(toHub, toMember);
}

export async function lruCache(entries: number, buildKey: boolean): Promise<Subject> {
  type Load = () => Promise<Conversation>;
  const cache = new LRUCache<string, Conversation, Load>({
    max: entries,
    ttl: TTL_MS,
    fetchMethod: (_key, _stale, { context: load }) => load(),
  });
  const textOf = buildKey
    ? (key: Key) => `conversation:${key.owner}:${key.id}`
    : (key: Key) => key.text;
  return {
    name: buildKey ? "lru-cache, key built" : "lru-cache",
    set: (key, value) => cache.set(key.text, value),
    get: (key) => cache.get(textOf(key)),
    load: (key, load) => cache.fetch(key.text, { context: load }),
    close: async () => cache.clear(),
  };
}

export async function bento(entries: number, redisUrl?: string): Promise<Subject> {
  const store = bentostore();
  if (redisUrl === undefined) store.useL1Layer(memoryDriver({ maxItems: entries }));
  else store.useL2Layer(redisDriver({ connection: connectionOf(redisUrl) }));
  const cache = new BentoCache({ default: "main", stores: { main: store } });
  return {
    name: "bentocache",
    set: (key, value) => cache.set({ key: key.text, value, ttl: TTL_MS }),
    get: (key) => cache.get({ key: key.text }),
    load: (key, load) => cache.getOrSet({ key: key.text, factory: load, ttl: TTL_MS }),
    close: () => cache.disconnectAll(),
  };
}

export async function cacheManager(entries: number, redisUrl?: string): Promise<Subject> {
  const store =
    redisUrl === undefined
      ? new Keyv({ store: new CacheableMemory({ lruSize: entries, ttl: TTL_MS }) as never })
      : new Keyv({ store: new KeyvRedis(redisUrl) as never });
  const cache = createManager({ stores: [store as never], ttl: TTL_MS });
  return {
    name: "cache-manager",
    set: (key, value) => cache.set(key.text, value),
    get: (key) => cache.get(key.text),
    load: (key, load) => cache.wrap(key.text, load),
    close: () => cache.disconnect(),
  };
}

export async function cacheable(entries: number, redisUrl?: string): Promise<Subject> {
  const cache = new Cacheable({
    primary: new Keyv({ store: new CacheableMemory({ lruSize: entries }) as never }) as never,
    ...(redisUrl === undefined ? {} : { secondary: new KeyvRedis(redisUrl) as never }),
    ttl: TTL_MS,
  });
  return {
    name: "cacheable",
    set: (key, value) => cache.set(key.text, value),
    get: (key) => cache.get(key.text),
    load: (key, load) => cache.getOrSet(key.text, load),
    close: () => cache.disconnect(),
  };
}

function connectionOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

async function missing(): Promise<Conversation> {
  throw new Error("a hit was expected");
}
