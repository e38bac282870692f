import { lookup } from "node:dns/promises";
import type { ServerSpec } from "@peregrine/balancer";
import type { ServerEntry } from "./server-entries.ts";

/** Finds every address of a host. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export const systemLookup: Lookup = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * Turns names that stand for many servers into those servers. A name that cannot be looked up just
 * now keeps the servers it had: a resolver that is down is no reason to lose what runs.
 */
export class ServerNames {
  readonly #lookup: Lookup;
  readonly #onFailure: (host: string, error: Error) => void;
  readonly #known = new Map<string, readonly string[]>();

  constructor(lookupHost: Lookup, onFailure: (host: string, error: Error) => void) {
    this.#lookup = lookupHost;
    this.#onFailure = onFailure;
  }

  /** @throws Error where a name has never been found */
  async resolve(entries: readonly ServerEntry[]): Promise<ServerSpec[]> {
    const lists = await Promise.all(
      entries.map(({ spec, isName }) => (isName ? this.#servers(spec) : [spec])),
    );
    return lists.flat();
  }

  async #servers(spec: ServerSpec): Promise<ServerSpec[]> {
    const url = new URL(spec.url);
    const addresses = await this.#addresses(url.hostname);
    return addresses.map((address) => {
      const one = new URL(url);
      one.hostname = address.includes(":") ? `[${address}]` : address;
      const { id: _, ...rest } = spec;
      return { ...rest, url: one.href };
    });
  }

  async #addresses(host: string): Promise<readonly string[]> {
    try {
      const addresses = [...new Set(await this.#lookup(host))].sort();
      if (addresses.length === 0) throw new Error("it has no address");
      this.#known.set(host, addresses);
      return addresses;
    } catch (error) {
      const known = this.#known.get(host);
      if (known === undefined) {
        throw new Error(`The name ${host} cannot be looked up: ${(error as Error).message}`);
      }
      this.#onFailure(host, error as Error);
      return known;
    }
  }
}
