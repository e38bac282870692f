import { readFileSync, realpathSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { availableMemory } from "../embedded/settings.ts";
import type { Query } from "./admin-connection.ts";

/** What is known of the machine that Postgres runs on; null where it is another one than ours. */
export type Machine = {
  memoryBytes: number | null;
  /** Whether a random read costs as much as the next one. Null where it cannot be told. */
  hasSolidDisk: boolean | null;
  /** Whether the application runs there too, and needs memory beside Postgres. */
  isShared: boolean;
};

/** @param query on a connection to the Postgres in question */
export async function readMachine(query: Query): Promise<Machine> {
  const [server] = await query<{ address: string | null; directory: string | null }>(
    `select host(inet_server_addr()) as address,
      current_setting('data_directory', true) as directory`,
  ).catch(() =>
    query<{ address: string | null; directory: null }>(
      "select host(inet_server_addr()) as address, null as directory",
    ),
  );
  const address = server?.address ?? null;
  const isOurs = address === null || ownAddresses().has(address);
  if (!isOurs) return { memoryBytes: null, hasSolidDisk: null, isShared: false };
  const directory = server?.directory ?? null;
  return {
    memoryBytes: availableMemory(),
    hasSolidDisk: directory === null ? null : isSolid(directory),
    isShared: true,
  };
}

function ownAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return new Set(all.map((entry) => entry.address));
}

/** By what the kernel says of the device that a directory is on. */
function isSolid(directory: string): boolean | null {
  try {
    const { dev } = statSync(directory);
    const major = (dev >> 8) & 0xfff;
    const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
    const device = realpathSync(`/sys/dev/block/${major}:${minor}`);
    for (const place of [device, `${device}/..`]) {
      try {
        const flag = readFileSync(`${place}/queue/rotational`, "utf8").trim();
        // A virtual disk says that it turns, whatever is behind it.
        if (flag === "1" && /\/vd[a-z]|\/xvd|virtio/.test(device)) return null;
        return flag === "0";
      } catch {
        // A partition has no queue: its disk has.
      }
    }
  } catch {
    // Not Linux, a file system without a device, or a directory that is closed to us.
  }
  return null;
}
