import { BalancerError, parseServerList, type ServerSpec } from "@peregrine/balancer";

/** One server of `MODEL_SERVERS`. */
export type ModelServerEntry = {
  /** Its base URL as it was written, for `modelServerAddress`: with query, name and password. */
  baseUrl: string;
  /** What the balancer goes by, and figures name it by: without them. */
  server: ServerSpec & { readonly id: string };
};

/**
 * Reads `MODEL_SERVERS`: base URLs separated by commas, each followed by what sets it apart, as in
 * `http://a/v1;weight=2;models=x|y,http://b/v1;maxInFlight=8,https://c/v1;backup`.
 *
 * @throws BalancerError saying everything that is wrong with it
 */
export function parseModelServers(text: string): ModelServerEntry[] {
  const entries = text.split(",").filter((entry) => entry.trim() !== "");
  if (entries.length === 0) return [];
  const servers = parseServerList(entries.map(withoutSecrets).join(","));
  return servers.map((server, i) => {
    if (server.zone !== undefined) {
      const words = `server ${i + 1}: zone means nothing to model servers; leave it out`;
      throw new BalancerError("invalid_servers", words);
    }
    return { baseUrl: (entries[i] as string).split(";", 1).join().trim(), server };
  });
}

/** The entry without a name and password and without a query, which may hold a key as well. */
function withoutSecrets(entry: string): string {
  return entry.replace(/^(\s*https?:\/\/)[^/?#;]*@/i, "$1").replace(/\?[^#;]*/, "");
}
