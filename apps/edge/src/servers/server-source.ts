import { readFile } from "node:fs/promises";
import type { ServerSpec } from "@peregrine/balancer";
import { ConfigError } from "@peregrine/settings";
import type { Config } from "../config.ts";
import { readServerEntries, type ServerEntry } from "./server-entries.ts";
import { type Lookup, ServerNames, systemLookup } from "./server-names.ts";
import { WatchedFiles } from "./watched-files.ts";

export type ServerSourceEvents = {
  /** The list is another one now. Throws where it is not accepted. */
  onChange(servers: ServerSpec[]): void;
  /** A change was not taken over, or a name was not found; what runs goes on. */
  onError(error: Error): void;
};

type Options = { lookup?: Lookup; everyMs?: number };

/**
 * Where the door's servers are written down: in the settings or in a file that is watched, by
 * address or by names that are looked up again and again.
 */
export class ServerSource {
  readonly #config: Config;
  readonly #names: ServerNames;
  readonly #options: Options;
  #events: ServerSourceEvents | undefined;
  #entries: readonly ServerEntry[] = [];
  #text = "";
  #told = "";
  #files: WatchedFiles | undefined;
  #timer: Timer | undefined;

  constructor(config: Config, options: Options = {}) {
    this.#config = config;
    this.#options = options;
    this.#names = new ServerNames(options.lookup ?? systemLookup, (host, error) =>
      this.#events?.onError(new Error(`${host} cannot be looked up: ${error.message}`)),
    );
  }

  /** @throws ConfigError, BalancerError or Error where there is no list to start with */
  async read(): Promise<ServerSpec[]> {
    this.#text = await this.readText();
    this.#entries = readServerEntries(this.#text);
    const servers = await this.#names.resolve(this.#entries);
    this.#told = JSON.stringify(servers);
    return servers;
  }

  /** The list as it is written down. @throws ConfigError where there is none */
  async readText(): Promise<string> {
    const { EDGE_SERVERS: list, EDGE_SERVERS_FILE: path } = this.#config;
    if (path !== undefined) return readFile(path, "utf8");
    if (list !== "") return list;
    throw new ConfigError(
      "EDGE_SERVERS: no servers; expected a list such as http://a:3000,http://b:3000, or EDGE_SERVERS_FILE, or --servers",
    );
  }

  /** Tells changes from now on, until `close`. */
  watch(events: ServerSourceEvents): void {
    this.#events = events;
    const { EDGE_SERVERS_FILE: path, EDGE_DNS_INTERVAL: seconds } = this.#config;
    const everyMs = this.#options.everyMs;
    if (path !== undefined) {
      this.#files = new WatchedFiles(
        [path],
        [this.#text],
        ([text = ""]) => this.#changeTo(readServerEntries(text)),
        (error) => events.onError(error),
        everyMs,
      );
    }
    this.#timer = setInterval(() => void this.#lookAgain(), everyMs ?? seconds * 1000);
  }

  /** Reads everything again now. */
  async reload(): Promise<void> {
    try {
      await this.#changeTo(readServerEntries(await this.readText()));
    } catch (error) {
      this.#events?.onError(error as Error);
    }
  }

  close(): void {
    this.#files?.close();
    clearInterval(this.#timer);
  }

  /** Never rejects: what goes wrong is told. */
  async #lookAgain(): Promise<void> {
    if (!this.#entries.some((entry) => entry.isName)) return;
    try {
      await this.#changeTo(this.#entries);
    } catch (error) {
      this.#events?.onError(error as Error);
    }
  }

  async #changeTo(entries: readonly ServerEntry[]): Promise<void> {
    const servers = await this.#names.resolve(entries);
    const told = JSON.stringify(servers);
    if (told !== this.#told) this.#events?.onChange(servers);
    this.#entries = entries;
    this.#told = told;
  }
}
