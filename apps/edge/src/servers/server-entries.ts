import { BalancerError, parseServerList, type ServerSpec } from "@peregrine/balancer";

/** Servers as they are written down: some by address, some by a name that stands for many. */
export type ServerEntry = {
  readonly spec: ServerSpec;
  /** Whether the host is looked up again and again, and each of its addresses is a server. */
  readonly isName: boolean;
};

const namePrefix = "dns+";

/**
 * Reads a list of servers: entries separated by commas or line ends, with `#` before a remark; or a
 * JSON array of objects.
 *
 * @throws BalancerError saying everything that is wrong with it
 */
export function readServerEntries(text: string): ServerEntry[] {
  const trimmed = text.trim();
  return trimmed.startsWith("[") ? readJson(trimmed) : readLines(trimmed);
}

function readLines(text: string): ServerEntry[] {
  const entries = text
    .replace(/(^|\s)#.*$/gm, "")
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  const specs = parseServerList(entries.map(withoutPrefix).join(","));
  return specs.map((spec, index) => ({ spec, isName: isName(entries[index] ?? "") }));
}

function readJson(text: string): ServerEntry[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    const words = `The server list is no JSON: ${(cause as Error).message}`;
    throw new BalancerError("invalid_servers", words);
  }
  // What an entry holds is checked by the pool that takes it.
  return (list as ServerSpec[]).map((spec) =>
    typeof spec?.url === "string"
      ? { spec: { ...spec, url: withoutPrefix(spec.url) }, isName: isName(spec.url) }
      : { spec, isName: false },
  );
}

function isName(url: string): boolean {
  return url.startsWith(namePrefix);
}

function withoutPrefix(url: string): string {
  return isName(url) ? url.slice(namePrefix.length) : url;
}
