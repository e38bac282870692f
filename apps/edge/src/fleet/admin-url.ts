import type { Config } from "../config.ts";

/**
 * The door's administration port as the servers on its machine reach it, with its token as the
 * password. Undefined behind a port that is not known before the servers start.
 *
 * @param user what the port is asked as; it looks at the token alone
 */
export function adminUrl(config: Config, user: string): string | undefined {
  if (config.EDGE_ADMIN_PORT === 0) return undefined;
  const isAny = /^(0\.0\.0\.0|::)$/.test(config.EDGE_ADMIN_HOST);
  const host = isAny ? "127.0.0.1" : config.EDGE_ADMIN_HOST;
  const url = new URL(`http://${host.includes(":") ? `[${host}]` : host}`);
  url.port = String(config.EDGE_ADMIN_PORT);
  if (config.EDGE_ADMIN_TOKEN !== undefined) {
    url.username = user;
    url.password = encodeURIComponent(config.EDGE_ADMIN_TOKEN);
  }
  return url.href;
}
