import type { RedisConnection } from "./redis-connection.ts";

/** One entry of a Redis stream. */
export type StreamEntry = { id: string; fields: Record<string, string> };

const blockMs = 1000;
const limitMs = 3000;
const retryMs = 100;
const maxEntries = 100;

type Follow = { lastId: string; onEntries(entries: StreamEntry[]): void };

/**
 * Follows many Redis streams with one blocking read, on a connection that nothing else uses. A
 * stream that is added while the read blocks is read from the next one on: whoever adds it writes
 * to a stream that is followed already.
 *
 * A read that fails is tried again from where it was, so that no entry is missed or comes twice.
 */
export class StreamReader {
  readonly #connection: RedisConnection;
  readonly #follows = new Map<string, Follow>();
  #isClosed = false;

  /** @param connection used by nothing else; closed by `close` */
  constructor(connection: RedisConnection) {
    this.#connection = connection;
    void this.#run(); // it catches every failure
  }

  /** Reads a stream from its start. @returns how to stop */
  follow(key: string, onEntries: (entries: StreamEntry[]) => void): () => void {
    this.#follows.set(key, { lastId: "0-0", onEntries });
    return () => this.#follows.delete(key);
  }

  close(): void {
    this.#isClosed = true;
    this.#connection.close();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#read();
      } catch {
        // Whoever follows finds out by its own means whether Redis is there.
        await Bun.sleep(retryMs);
      }
    }
  }

  async #read(): Promise<void> {
    const keys = [...this.#follows.keys()];
    const ids = [...this.#follows.values()].map((follow) => follow.lastId);
    if (keys.length === 0) return Bun.sleep(retryMs);
    const reply = await this.#connection.send(
      [
        ...["XREAD", "COUNT", String(maxEntries), "BLOCK", String(blockMs)],
        ...["STREAMS", ...keys, ...ids],
      ],
      limitMs,
    );
    for (const [key, raw] of (reply ?? []) as [Buffer, unknown][]) {
      const follow = this.#follows.get(String(key));
      const entries = readEntries(raw);
      if (!follow) continue;
      follow.lastId = entries.at(-1)?.id ?? follow.lastId;
      follow.onEntries(entries);
    }
  }
}

type RawEntry = [id: Buffer, fields: Buffer[]];

/** The entries as `XREAD` and `XRANGE` give them. */
export function readEntries(raw: unknown): StreamEntry[] {
  return (raw as RawEntry[]).map(([id, list]) => {
    const fields: Record<string, string> = {};
    for (let i = 0; i + 1 < list.length; i += 2) fields[String(list[i])] = String(list[i + 1]);
    return { id: String(id), fields };
  });
}
