import type { Config } from "../config.ts";

/**
 * `CDN_PURGE_URLS` for the servers behind a door on the same machine: its own cache first, and then
 * those that stand before it.
 *
 * @param others what the environment says
 */
export function purgeUrls(config: Config, others: string | undefined): string | undefined {
  // Behind a port that is not known before the servers start, the cache cannot be told.
  if (config.EDGE_CACHE_SIZE === 0 || config.EDGE_ADMIN_PORT === 0) return others;
  const isAny = /^(0\.0\.0\.0|::)$/.test(config.EDGE_ADMIN_HOST);
  const host = isAny ? "127.0.0.1" : config.EDGE_ADMIN_HOST;
  const url = new URL(`http://${host.includes(":") ? `[${host}]` : host}`);
  url.port = String(config.EDGE_ADMIN_PORT);
  if (config.EDGE_ADMIN_TOKEN !== undefined) {
    url.username = "purge";
    url.password = encodeURIComponent(config.EDGE_ADMIN_TOKEN);
  }
  return others === undefined || others === "" ? url.href : `${url.href},${others}`;
}
