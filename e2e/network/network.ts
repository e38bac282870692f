import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { Host } from "./host.ts";
import { maxHosts } from "./link.ts";
import { WireProcess, wireCommand } from "./wire-process.ts";

export type { Host };

/** Why there can be no network of our own on this machine, in words; undefined where there can. */
export function whyNoNetwork(): string | undefined {
  if (process.platform !== "linux") return "it takes Linux";
  if (process.getuid?.() !== 0) return "it takes root";
  if (!existsSync("/dev/net/tun")) return "it takes /dev/net/tun";
  const [program = "", ...args] = wireCommand(1);
  const probe = spawnSync(program, args, { input: "" });
  return probe.status === 0 ? undefined : "it takes network namespaces and tunnels";
}

/**
 * Several hosts on one machine, for tests of what networks do: each host is a network namespace with
 * an address of its own, and all packets between them pass through one process of ours, the wire,
 * which cuts, delays and loses as it is told. The networks of the machine are neither used nor
 * touched. Namespaces and processes end with `close`, and also where the test is killed.
 */
export class Network<Name extends string> {
  readonly hosts: Readonly<Record<Name, Host>>;
  readonly #wire: WireProcess;

  private constructor(hosts: Record<Name, Host>, wire: WireProcess) {
    this.hosts = hosts;
    this.#wire = wire;
  }

  /** @throws Error where that cannot be done here, for which `whyNoNetwork` has the words */
  static async create<Name extends string>(...names: readonly Name[]): Promise<Network<Name>> {
    if (names.length > maxHosts) {
      throw new Error(`${names.length} hosts are too many: a network has ${maxHosts} at most`);
    }
    const wire = new WireProcess(names.length);
    const started = await Promise.all(names.map(() => wire.hear()));
    const hosts = started.map(({ entrance }, index) => [
      names[index],
      new Host(index, entrance, wire),
    ]);
    return new Network(Object.fromEntries(hosts), wire);
  }

  /** What runs on the hosts is for whoever started it to stop, before this. */
  close(): Promise<void> {
    return this.#wire.stop();
  }
}
