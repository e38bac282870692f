import { BalancerError, parseServerList, type ServerSpec } from "@peregrine/balancer";
import { type WayToContinue, waysToContinue } from "./continue-with.ts";

/** One server of `MODEL_SERVERS`. */
export type ModelServerEntry = {
  /** Its base URL as it was written, for `modelServerAddress`: with query, name and password. */
  baseUrl: string;
  /** What the balancer goes by, and figures name it by: without them. */
  server: ServerSpec & { readonly id: string };
  /** How it is asked to go on with an answer; as `MODEL_CONTINUE` says when left out. */
  continueWith: WayToContinue | undefined;
};

const continueField = /;\s*continue\s*=([^;]*)/;

/**
 * Reads `MODEL_SERVERS`: base URLs separated by commas, each followed by what sets it apart, as in
 * `http://a/v1;weight=2;models=x|y,http://b/v1;maxInFlight=8;continue=off,https://c/v1;backup`.
 *
 * @throws BalancerError saying everything that is wrong with it
 */
export function parseModelServers(text: string): ModelServerEntry[] {
  const entries = text.split(",").filter((entry) => entry.trim() !== "");
  if (entries.length === 0) return [];
  const ways = entries.map(wayToContinue);
  const known = entries.map((entry) => withoutSecrets(entry).replace(continueField, ""));
  const servers = parseServerList(known.join(","));
  return servers.map((server, i) => {
    if (server.zone !== undefined) {
      const words = `server ${i + 1}: zone means nothing to model servers; leave it out`;
      throw new BalancerError("invalid_servers", words);
    }
    const baseUrl = (entries[i] as string).split(";", 1).join().trim();
    return { baseUrl, server, continueWith: ways[i] };
  });
}

function wayToContinue(entry: string, index: number): WayToContinue | undefined {
  const value = continueField.exec(entry)?.[1]?.trim();
  if (value === undefined) return undefined;
  const way = waysToContinue.find((known) => known === value);
  if (way) return way;
  const words = `server ${index + 1}: continue must be one of ${waysToContinue.join(", ")}, not ${JSON.stringify(value)}`;
  throw new BalancerError("invalid_servers", words);
}

/** The entry without a name and password and without a query, which may hold a key as well. */
function withoutSecrets(entry: string): string {
  return entry.replace(/^(\s*https?:\/\/)[^/?#;]*@/i, "$1").replace(/\?[^#;]*/, "");
}
