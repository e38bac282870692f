import type { CacheSettings } from "../cache-options.ts";
import type { Knowledge } from "../log/knowledge.ts";
import type { Transport } from "../log/transport.ts";
import { RedisLayer } from "./redis-layer.ts";
import { openRedisLink, type RedisLink } from "./redis-link.ts";
import { redisTransport } from "./redis-transport.ts";

type Redis = { link: RedisLink; layer: RedisLayer; transport: Transport };

/** Opens what a cache has of Redis: the connection, the layer of values, and the log. */
export function openRedis(
  { target, ...redis }: NonNullable<CacheSettings["redis"]>,
  { clock, events, leaseMs }: CacheSettings,
  knowledge: Knowledge,
  maxGuards: number,
): Redis {
  const link = openRedisLink(target, (error) => events.onError?.(error, "redis link"));
  const layer = new RedisLayer({
    link,
    namespace: redis.namespace,
    knowledge,
    clock,
    callTimeoutMs: redis.callTimeoutMs,
    compressAboveBytes: redis.compressAboveBytes,
    onBreaker: (state) => events.onBreaker?.(state),
    onUnreadable: (key, reason) => events.onUnreadable?.(key, reason),
  });
  const transport = redisTransport({
    target,
    link,
    namespace: redis.namespace,
    aliveForMs: leaseMs * 2,
    maxRecords: redis.maxLogRecords,
    maxGuards,
    onError: (error, during) => events.onError?.(error, during),
  });
  return { link, layer, transport };
}
