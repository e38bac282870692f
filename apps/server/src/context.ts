import type { FileStore } from "@peregrine/cdn";
import type { Database, Optimiser } from "@peregrine/database";
import type { Log } from "@peregrine/process";
import type { AttemptLimits } from "./auth/attempt-limits.ts";
import type { Authenticate } from "./auth/authentication.ts";
import type { Passwords } from "./auth/passwords.ts";
import type { CachedReads } from "./cache/cached-reads.ts";
import type { AppCache } from "./cache/open-cache.ts";
import type { WarmableType } from "./cache/warm-cache.ts";
import type { Config } from "./config.ts";
import type { FileAddresses } from "./files/file-addresses.ts";
import type { FileSweeps } from "./files/file-sweeps.ts";
import type { Files } from "./files/files.ts";
import type { ReceiveFile } from "./files/receive-file.ts";
import type { Uploads } from "./files/uploads.ts";
import type { Answering } from "./generation/answering.ts";
import type { ClientAddress } from "./http/client-address.ts";
import type { RequestTimings } from "./http/request-timings.ts";
import type { LiveHub } from "./live/live-hub.ts";
import type { OpenSockets } from "./live/open-sockets.ts";
import type { ModelServers } from "./models/model-servers.ts";
import type { DatabaseQueryTimes } from "./performance/database-query-times.ts";
import type { Gate } from "./performance/gate.ts";

/** What the features of one server process share. Made once, in `main.ts`. */
export type Context = {
  config: Config;
  log: Log;
  timings: RequestTimings;
  database: Database;
  optimiser: Optimiser;
  queryTimes: DatabaseQueryTimes;
  authenticate: Authenticate;
  passwords: Passwords;
  attemptLimits: AttemptLimits;
  clientAddress: ClientAddress;
  models: ModelServers;
  answering: Answering;
  cache: AppCache;
  /** Loads into the cache what is likely to be asked for. */
  warm(type: WarmableType): Promise<{ readonly warmed: number }>;
  /** Reads whose answer is sent as it was encoded before. */
  reads: CachedReads;
  live: LiveHub;
  files: Files;
  fileStore: FileStore;
  fileAddresses: FileAddresses;
  fileSweeps: FileSweeps;
  receiveFile: ReceiveFile;
  uploads: Uploads;
  gate: Gate;
  sockets: OpenSockets;
  /** Whether the server has been told to stop and takes no new work. */
  isDraining(): boolean;
};
