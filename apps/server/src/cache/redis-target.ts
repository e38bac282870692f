import type { RedisOptions } from "@peregrine/cache";

export type RedisTarget = RedisOptions["target"];

/**
 * Reads `REDIS_URL`:
 *
 * - `redis://user:password@host:6379/0`, or `rediss://…` for TLS: one server;
 * - several of these separated by commas: some nodes of a cluster;
 * - `redis+sentinel://user:password@host:26379,host:26379/name`: sentinels, and the name of the
 *   master they watch.
 *
 * @returns undefined for a text that is none of these
 */
export function parseRedisUrl(text: string): RedisTarget | undefined {
  const sentinel = /^redis\+sentinel:\/\/(?:([^:@/]*):([^@/]*)@)?([^/@]+)\/([\w.-]+)$/.exec(text);
  if (sentinel) {
    const [, username, password, hosts = "", name = ""] = sentinel;
    const sentinels = hosts.split(",").map(parseHost);
    if (sentinels.includes(undefined)) return undefined;
    return {
      kind: "sentinel",
      name,
      sentinels: sentinels as { host: string; port: number }[],
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
    };
  }
  const urls = text.split(",").map((url) => url.trim());
  if (!urls.every(isRedisUrl)) return undefined;
  const [url = ""] = urls;
  if (urls.length === 1) return { kind: "single", url };
  const { username, password } = new URL(url);
  return {
    kind: "cluster",
    urls,
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
  };
}

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (protocol === "redis:" || protocol === "rediss:") && hostname !== "";
}

function parseHost(text: string): { host: string; port: number } | undefined {
  const match = /^([\w.-]+):(\d{1,5})$/.exec(text.trim());
  return match ? { host: match[1] as string, port: Number(match[2]) } : undefined;
}
