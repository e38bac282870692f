import type { Config } from "../config.ts";
import { adminUrl } from "./admin-url.ts";

/**
 * `CDN_PURGE_URLS` for the servers behind a door on the same machine: its own cache first, and then
 * those that stand before it.
 *
 * @param others what the environment says
 */
export function purgeUrls(config: Config, others: string | undefined): string | undefined {
  const url = config.EDGE_CACHE_SIZE === 0 ? undefined : adminUrl(config, "purge");
  if (url === undefined) return others;
  return others === undefined || others === "" ? url : `${url},${others}`;
}
