import { ClientOfflineError, SocketClosedUnexpectedlyError } from "redis";
import { CacheError } from "../errors.ts";
import type { LogRecord } from "../log/records.ts";
import { sleep, withTimeLimit } from "../time-limit.ts";
import type { RedisLink } from "./redis-link.ts";

/**
 * Reads the stream of records, and the acknowledgements for this process, with blocking reads on a
 * link of its own. When the link breaks, or is silent for longer than a blocking read may last, it
 * opens another and reads on from the last record it has handed over.
 */
export class LogReader {
  readonly #options: LogReaderOptions;
  #link: RedisLink | undefined;
  #lastRecord: string;
  #lastAck = "0-0";
  #closed = false;

  constructor(options: LogReaderOptions) {
    this.#options = options;
    this.#lastRecord = `${options.fromSeq}-0`;
    this.#run().catch(options.onError);
  }

  close(): void {
    this.#closed = true;
    this.#link?.close();
    this.#link = undefined;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#link ??= this.#options.open();
      try {
        await this.#readOnce(this.#link);
      } catch (error) {
        if (this.#closed) return;
        // A reply that never comes leaves the connection useless: the rest would come out of step.
        if (!isNotConnected(error)) {
          this.#options.onError(error);
          this.#link?.close();
          this.#link = undefined;
        }
        await sleep(RETRY_MS);
      }
    }
  }

  async #readOnce(link: RedisLink): Promise<void> {
    const { logKey, ackKey, onRecords, onAck } = this.#options;
    const reply = await withTimeLimit(
      link.send(logKey, [
        ...["XREAD", "COUNT", "512", "BLOCK", String(BLOCK_MS)],
        ...["STREAMS", logKey, ackKey, this.#lastRecord, this.#lastAck],
      ]),
      BLOCK_MS + PATIENCE_MS,
      "reading the log of invalidations",
    );
    if (this.#closed || reply === null) return;
    for (const [stream, entries] of reply as [Buffer, [Buffer, Buffer[]][]][]) {
      if (String(stream) === logKey) {
        const batches = new Map<string, LogRecord[]>();
        for (const [id, fields] of entries) {
          this.#lastRecord = String(id);
          const { epoch, record } = parseRecord(String(id), fields);
          const batch = batches.get(epoch);
          if (batch === undefined) batches.set(epoch, [record]);
          else batch.push(record);
        }
        onRecords(batches);
        continue;
      }
      for (const [id, fields] of entries) {
        this.#lastAck = String(id);
        const { n, e, s } = asObject(fields);
        onAck(n ?? "", e ?? "", Number(s));
      }
    }
  }
}

interface LogReaderOptions {
  open: () => RedisLink;
  logKey: string;
  ackKey: string;
  fromSeq: number;
  onRecords: (batches: Map<string, LogRecord[]>) => void;
  onAck: (node: string, epoch: string, seq: number) => void;
  onError: (error: unknown) => void;
}

const BLOCK_MS = 400;
/** How much later than its own time limit a blocking read may answer. */
const PATIENCE_MS = 600;
const RETRY_MS = 20;

function parseRecord(id: string, fields: Buffer[]): { epoch: string; record: LogRecord } {
  const { e, k, i, n, w, g } = asObject(fields);
  return {
    epoch: e ?? "",
    record: {
      seq: Number(id.slice(0, id.indexOf("-"))),
      kind: k === "pending" || k === "pattern" ? k : "bump",
      id: i ?? "",
      node: n ?? "",
      guards: JSON.parse(g ?? "[]") as string[],
      wantsAck: w === "1",
    },
  };
}

function asObject(fields: Buffer[]): Record<string, string> {
  const object: Record<string, string> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) object[String(fields[i])] = String(fields[i + 1]);
  return object;
}

/** The link is down and reconnecting by itself. */
function isNotConnected(error: unknown): boolean {
  return (
    error instanceof ClientOfflineError ||
    error instanceof SocketClosedUnexpectedlyError ||
    (error instanceof CacheError && error.code === "REDIS_UNAVAILABLE")
  );
}
