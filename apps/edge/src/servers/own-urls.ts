import { networkInterfaces } from "node:os";
import type { Config } from "../config.ts";

/** Every address that leads back to this door, which a list of servers must not name. */
export function ownUrls(config: Config): string[] {
  if (config.PORT === 0) return [];
  const scheme = config.EDGE_TLS_CERT === undefined ? "http" : "https";
  return hosts(config.HOST).map((host) => `${scheme}://${host}:${config.PORT}`);
}

function hosts(host: string): string[] {
  const isEverywhere = host === "0.0.0.0" || host === "::";
  if (!isEverywhere && !/^(127\.|::1$|localhost$)/.test(host)) return [inUrl(host)];
  const addresses = isEverywhere
    ? Object.values(networkInterfaces()).flatMap(
        (each) => each?.map(({ address }) => address) ?? [],
      )
    : [];
  return [...new Set(["localhost", "127.0.0.1", "[::1]", inUrl(host), ...addresses.map(inUrl)])];
}

function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
