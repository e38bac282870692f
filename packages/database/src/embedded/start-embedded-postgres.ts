import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { findAccount } from "./account.ts";
import { locateBinaries, prepareBinaries } from "./binaries.ts";
import { databaseName, prepareCluster, userName } from "./cluster.ts";
import type { EmbeddedPostgresLog } from "./log.ts";
import { endOrphans } from "./orphans.ts";
import { lockDirectory } from "./owner-lock.ts";
import { findDataOwner, preparePlace } from "./place.ts";
import { Postmaster } from "./postmaster.ts";
import { postgresSettings } from "./settings.ts";

export type EmbeddedPostgresOptions = {
  /** Holds the data, the password, the log and the socket. Made if it is not there. */
  directory: string;
  log?: EmbeddedPostgresLog;
  /** On top of the settings that fit the machine, as in postgresql.conf: `{ fsync: "off" }`. */
  settings?: Record<string, string>;
  /** Where a root process puts what its Postgres, which is not root, cannot reach elsewhere. */
  sharedDirectory?: string;
};

export type EmbeddedPostgres = {
  /** Holds the password: not for logs. */
  url: string;
  /** The pid of the Postgres that runs now; undefined while it is being started again. */
  readonly pid: number | undefined;
  /** Ends Postgres in order: close what is connected to it first. */
  stop(): Promise<void>;
};

/** A path of a socket has room for 104 bytes on macOS and 108 on Linux; its name takes 14. */
const longestSocketDirectory = 88;
const socketPort = 5432;

/**
 * Starts the Postgres that comes with the application, on a directory that is then ours alone.
 *
 * It is a process group of its own: Ctrl-C in the terminal reaches the application, which stops
 * Postgres when its own work is done. If Postgres dies it is started again; if the application is
 * killed, Postgres stays, and the next start ends it before it starts its own.
 *
 * Reached by a socket in the directory, which is a quarter faster than TCP and which only root and
 * the account can open; by a free port on 127.0.0.1 where the directory's path is too long for one.
 *
 * @throws DatabaseError embedded_start, directory_in_use, unsupported_version
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const log = options.log ?? { info() {}, warn() {}, error() {} };
  const shared = options.sharedDirectory ?? "/var/lib/peregrine";
  const account = await findAccount(findDataOwner(options.directory));
  const place = preparePlace(options.directory, account, shared);
  if (place !== resolve(options.directory)) {
    log.info(
      `user ${account?.uid} cannot get to ${options.directory}: the database is in ${place}`,
    );
  }
  const lock = lockDirectory(place, account);
  try {
    const data = join(place, "data");
    const binaries = prepareBinaries(await locateBinaries(), account, shared);
    const settings = { ...postgresSettings(), ...options.settings };
    const orphans = await endOrphans(data);
    if (orphans.length > 0) {
      log.warn(`ended a Postgres that an earlier process left behind (pid ${orphans[0]})`);
    }
    const { password, created } = await prepareCluster(place, binaries, account, settings);
    if (created) log.info(`made a new database in ${data}`);

    const bySocket = Buffer.byteLength(place) <= longestSocketDirectory;
    const port = bySocket ? socketPort : await findFreePort();
    const postmaster = new Postmaster({
      command: [
        binaries.postgres,
        ...["-D", data, "-p", String(port)],
        ...["-c", `listen_addresses=${bySocket ? "" : "127.0.0.1"}`],
        ...["-c", `unix_socket_directories=${bySocket ? place : ""}`],
        ...["-c", "unix_socket_permissions=0700"],
      ],
      data,
      logFile: join(place, "postgres.log"),
      account,
      log,
    });
    await postmaster.start();
    const host = bySocket ? encodeURIComponent(place) : "127.0.0.1";
    return {
      url: `postgres://${userName}:${password}@${host}:${port}/${databaseName}`,
      get pid() {
        return postmaster.pid;
      },
      async stop() {
        await postmaster.stop();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
