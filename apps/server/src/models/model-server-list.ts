import { BalancerError, parseServerList, type ServerSpec } from "@peregrine/balancer";
import { type WayToContinue, waysToContinue } from "./continue-with.ts";

/** One server of `MODEL_SERVERS`. */
export type ModelServerEntry = {
  /** Its base URL as it was written, for `modelServerAddress`: with query, name and password. */
  baseUrl: string;
  /** What the balancer goes by, and figures name it by: without them. */
  server: ServerSpec & { readonly id: string };
  /** Which of the keys it is asked with, counted from 1; the first where it does not say. */
  key: number | "none" | undefined;
  /** How it is asked to go on with an answer; as `MODEL_CONTINUE` says when left out. */
  continueWith: WayToContinue | undefined;
};

const continueField = /;\s*continue\s*=([^;]*)/;
const keyField = /;\s*key\s*=([^;]*)/;
const idField = /;\s*id\s*=/;

/**
 * Reads `MODEL_SERVERS`: base URLs separated by commas, each followed by what sets it apart, as in
 * `http://a/v1;weight=2;models=x|y,http://b/v1;maxInFlight=8;continue=off,https://c/v1;backup`. One
 * address may come several times with different keys; figures then call it `https://c/v1#1`, `…#2`.
 *
 * @throws BalancerError saying everything that is wrong with it
 */
export function parseModelServers(text: string): ModelServerEntry[] {
  const entries = text.split(",").filter((entry) => entry.trim() !== "");
  if (entries.length === 0) return [];
  const ways = entries.map(wayToContinue);
  const keys = entries.map(keyOf);
  const known = entries.map((entry) =>
    withoutSecrets(entry).replace(continueField, "").replace(keyField, ""),
  );
  const servers = parseServerList(withNames(known).join(","), [], true);
  const placeOf = new Map<string, number>();
  return servers.map((server, i) => {
    if (server.zone !== undefined) {
      throw refusal(i, "zone means nothing to model servers; leave it out");
    }
    const baseUrl = (entries[i] as string).split(";", 1).join().trim();
    if (!hasReadableName(baseUrl)) {
      throw refusal(i, "a % in a name or password must be written as %25");
    }
    const key = keys[i];
    const who = `${baseUrl.replace(/\/+$/, "")} ${key ?? 1}`;
    const twin = placeOf.get(who);
    if (twin !== undefined) {
      const words = `${JSON.stringify(server.url)} is already listed as server ${twin}; with several keys, say which one each is asked with, as in key=2`;
      throw refusal(i, words);
    }
    placeOf.set(who, i + 1);
    return { baseUrl, server, continueWith: ways[i], key };
  });
}

function wayToContinue(entry: string, index: number): WayToContinue | undefined {
  const value = continueField.exec(entry)?.[1]?.trim();
  if (value === undefined) return undefined;
  const way = waysToContinue.find((known) => known === value);
  if (way) return way;
  const known = waysToContinue.join(", ");
  throw refusal(index, `continue must be one of ${known}, not ${JSON.stringify(value)}`);
}

function keyOf(entry: string, index: number): ModelServerEntry["key"] {
  const value = keyField.exec(entry)?.[1]?.trim();
  if (value === undefined || value === "none") return value;
  if (/^[1-9]\d{0,3}$/.test(value)) return Number(value);
  // What was written is not shown: it may be the key itself.
  const words =
    "key must be the place of its key in MODEL_API_KEY, counted from 1, or none; the key itself belongs there";
  throw refusal(index, words);
}

function hasReadableName(baseUrl: string): boolean {
  const { username, password } = new URL(baseUrl);
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

/** The entries, with an id for each whose address comes again: by its place among those. */
function withNames(entries: readonly string[]): string[] {
  const addressOf = (entry: string) =>
    URL.parse(entry.split(";", 1).join().trim())?.href.replace(/\/+$/, "");
  const addresses = entries.map(addressOf);
  const seen = new Map<string, number>();
  return entries.map((entry, i) => {
    const address = addresses[i];
    const isShared = addresses.filter((each) => each === address).length > 1;
    if (address === undefined || !isShared || idField.test(entry)) return entry;
    const place = (seen.get(address) ?? 0) + 1;
    seen.set(address, place);
    return `${entry};id=${address}#${place}`;
  });
}

function refusal(index: number, words: string): BalancerError {
  return new BalancerError("invalid_servers", `server ${index + 1}: ${words}`);
}

/** The entry without a name and password and without a query, which may hold a key as well. */
function withoutSecrets(entry: string): string {
  return entry.replace(/^(\s*https?:\/\/)[^/?#;]*@/i, "$1").replace(/\?[^#;]*/, "");
}
