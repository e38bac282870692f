import type { Config } from "../config.ts";
import { adminUrl } from "./admin-url.ts";
import { purgeUrls } from "./purge-urls.ts";

/**
 * What a server behind a door on the same machine is told: the door's own environment, with a free
 * port, the database that all share, and where the door is purged and administered.
 */
export function serverEnvironment(
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
  databaseUrl: string,
): Record<string, string | undefined> {
  return {
    ...environment,
    DATABASE_URL: databaseUrl,
    HOST: "127.0.0.1",
    PORT: "0",
    METRICS_PORT: "0",
    CDN_PURGE_URLS: purgeUrls(config, environment.CDN_PURGE_URLS),
    EDGE_ADMIN_URL: environment.EDGE_ADMIN_URL || adminUrl(config, "admin"),
    TRUSTED_PROXIES: [...config.TRUSTED_PROXIES, "127.0.0.1"].join(","),
  };
}
