import { mkdir, readdir, rename, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Body } from "../body.ts";
import type { CacheRequest } from "../cache-request.ts";
import type { PurgeLedger } from "../purge-ledger.ts";
import { type StoredHead, StoredResponse } from "../stored-response.ts";
import { type DiskEntry, DiskIndex } from "./disk-index.ts";
import { readEntry, readEntryHead, writeEntry } from "./entry-file.ts";
import { PurgeJournal } from "./purge-journal.ts";

export type DiskStoreOptions = {
  /** A folder of its own; made where it is not there. */
  readonly directory: string;
  readonly maxBytes: number;
  readonly ledger: PurgeLedger;
  readonly now: () => number;
  readonly onEvict: (bytes: number) => void;
  /** Writing failed; until `onWell` there is memory alone. */
  readonly onTrouble: (error: Error) => void;
  readonly onWell: () => void;
};

/** Bodies that wait to be written may keep this much in memory; beyond it a response is not saved. */
const maxPendingBytes = 32 << 20;
const writers = 2;
/** After a failed write: as long as this nothing is written. */
const troubleMs = 30_000;
/** A journal of this many lines is worth looking through all entries to make it short again. */
const maxJournalLines = 10_000;

/**
 * Responses on disk, a file each, which a restart leaves in place. What is there is known by an index
 * in memory, rebuilt at the start while requests are already served: what it has not found yet is a
 * miss. A file is written beside and renamed into place, and is checked
 * when it is read, so that nothing half-written is ever served.
 *
 * Anything that fails here is a miss or a response that is not saved, and never an error for a client.
 */
export class DiskStore {
  readonly #options: DiskStoreOptions;
  readonly #journal: PurgeJournal;
  readonly #index: DiskIndex;
  readonly #queue: StoredResponse[] = [];
  readonly #working = new Set<Promise<void>>();
  /** Files that this process has written while the index was rebuilt. */
  readonly #ownNames = new Set<string>();
  /** The folders are there, and what an earlier process left unfinished is not. */
  readonly #prepared: Promise<void>;
  #pendingBytes = 0;
  #files = 0;
  #troubledSinceMs: number | undefined;
  #isClosed = false;
  #isTidying = false;
  #isRebuilt = false;
  /** Resolves when it is. */
  readonly rebuilt: Promise<void>;

  constructor(options: DiskStoreOptions) {
    this.#options = options;
    this.#journal = new PurgeJournal(join(options.directory, "purges"));
    const { maxBytes, ledger, onEvict } = options;
    const onGone = (name: string) => this.#unlink(name);
    this.#index = new DiskIndex({ maxBytes, ledger, onEvict, onGone });
    this.#prepared = this.#prepare();
    this.rebuilt = this.#rebuild().catch((error: Error) => this.#trouble(error));
  }

  /** Whether the index knows all that was there at the start. */
  get isRebuilt(): boolean {
    return this.#isRebuilt;
  }

  get bytes(): number {
    return this.#index.bytes;
  }

  get size(): number {
    return this.#index.size;
  }

  /** The entry for a request, if there is one. */
  find(request: CacheRequest): DiskEntry | undefined {
    return this.#index.find(request);
  }

  /** Reads it, once for all who ask meanwhile. @returns undefined where it is no longer good */
  load(entry: DiskEntry): Promise<StoredResponse | undefined> {
    entry.wasUsed = true;
    entry.loading ??= this.#load(entry).finally(() => {
      entry.loading = undefined;
    });
    return entry.loading;
  }

  /** Writes it when there is time. What was there in its place is gone at once. */
  save(response: StoredResponse): void {
    this.remove(response.head);
    const hasRoom = this.#pendingBytes + response.body.length <= maxPendingBytes;
    if (this.#isClosed || !hasRoom || response.body.length > this.#options.maxBytes / 2) return;
    if (this.#troubledSinceMs !== undefined) {
      if (this.#options.now() - this.#troubledSinceMs < troubleMs) return;
    }
    this.#pendingBytes += response.body.length;
    this.#queue.push(response);
    this.#work();
  }

  remove(head: Pick<StoredHead, "key" | "selection">): void {
    this.#index.removeOf(head);
  }

  /** Makes a purge outlast the process. @param key null for everything */
  async record(keys: readonly (string | null)[], at: number): Promise<void> {
    try {
      await this.#journal.add(keys.map((key) => ({ key, at })));
    } catch (error) {
      this.#trouble(error as Error);
      // What cannot be written down must not be found again.
      if (keys.includes(null)) this.#index.removeAll();
      this.#index.removePurged();
    }
    if (this.#journal.lines > maxJournalLines) await this.#tidy();
  }

  /** Writes what waits, and stops. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#working.size > 0) await Promise.all(this.#working);
    await this.rebuilt;
    await this.#journal.close().catch((error: Error) => this.#trouble(error));
  }

  // Reading

  async #load(entry: DiskEntry): Promise<StoredResponse | undefined> {
    const found = await readEntry(this.#pathOf(entry.name)).catch(() => undefined);
    const isIt =
      found?.head.key === entry.head.key &&
      found.head.selection === entry.head.selection &&
      found.head.askedAt === entry.head.askedAt;
    if (!isIt || found === undefined) {
      this.#index.remove(entry);
      return undefined;
    }
    return new StoredResponse(found.head, Body.of(found.body));
  }

  async #prepare(): Promise<void> {
    const { directory } = this.#options;
    await rm(join(directory, "unfinished"), { recursive: true, force: true });
    for (const folder of ["entries", "unfinished"]) {
      await mkdir(join(directory, folder), { recursive: true });
    }
  }

  async #rebuild(): Promise<void> {
    const { directory, ledger } = this.#options;
    // What is purged while it looks concerns what it has not found yet, too.
    const since = ledger.depart();
    try {
      await this.#prepared;
      const purgedAt = new Map<string, number>();
      for (const { key, at } of await this.#journal.read()) {
        if (key === null) ledger.purgeAll(at);
        else purgedAt.set(key, Math.max(at, purgedAt.get(key) ?? 0));
      }
      const lines = this.#journal.lines;
      for (const name of await readdir(join(directory, "entries"))) {
        if (this.#isClosed) return;
        await this.#indexFile(name, purgedAt);
      }
      // All that was purged before is gone now, unless more was purged meanwhile.
      if (this.#journal.lines === lines && lines > 0) await this.#journal.rewrite([]);
    } finally {
      ledger.arrive(since);
      this.#isRebuilt = true;
      this.#ownNames.clear();
    }
  }

  async #indexFile(name: string, purgedAt: ReadonlyMap<string, number>): Promise<void> {
    // Written by this process since it began to look.
    if (this.#ownNames.has(name)) return;
    const found = await readEntryHead(this.#pathOf(name)).catch(() => undefined);
    if (found === undefined) {
      this.#unlink(name);
      return;
    }
    const { head, bodyBytes } = found;
    const response = new StoredResponse(head, Body.of(Buffer.alloc(0)));
    const wasPurged = response.keyNames.some((key) => head.askedAt <= (purgedAt.get(key) ?? 0));
    // A clock that was set back leaves it open which purge came first.
    const isFromTheFuture = head.askedAt > this.#options.ledger.tick();
    const rival = this.#index.entryOf(head);
    const isOld = rival !== undefined && rival.head.askedAt >= head.askedAt;
    if (wasPurged || isFromTheFuture || isOld) this.#unlink(name);
    else this.#index.add(name, response, bodyBytes);
  }

  // Writing

  #work(): void {
    while (this.#working.size < writers) {
      const response = this.#queue.shift();
      if (response === undefined) return;
      const work = this.#write(response).finally(() => {
        this.#working.delete(work);
        this.#pendingBytes -= response.body.length;
        this.#work();
      });
      this.#working.add(work);
    }
  }

  async #write(response: StoredResponse): Promise<void> {
    const { head, body } = response;
    // Never used twice, so that removing a file that is old never removes a new one.
    const name = `${head.askedAt.toString(36)}-${++this.#files}`;
    const unfinished = join(this.#options.directory, "unfinished", name);
    try {
      await this.#prepared;
      await writeEntry(unfinished, head, body.from(0));
      if (!this.#isRebuilt) this.#ownNames.add(name);
      await rename(unfinished, this.#pathOf(name));
      this.#index.add(name, response, body.length);
      if (this.#troubledSinceMs !== undefined) {
        this.#troubledSinceMs = undefined;
        this.#options.onWell();
      }
    } catch (error) {
      this.#trouble(error as Error);
      await rm(unfinished, { force: true }).catch(() => {});
    }
  }

  // Removing

  /** Removes all that was purged, so that the journal need not say so any longer. */
  async #tidy(): Promise<void> {
    if (this.#isTidying) return;
    this.#isTidying = true;
    try {
      await this.rebuilt;
      this.#index.removePurged();
      await this.#journal.rewrite([]);
    } catch (error) {
      this.#trouble(error as Error);
    } finally {
      this.#isTidying = false;
    }
  }

  #unlink(name: string): void {
    // A file that stays is found, and found to be old, at the next start.
    unlink(this.#pathOf(name)).catch(() => {});
  }

  #trouble(error: Error): void {
    const isNew = this.#troubledSinceMs === undefined;
    this.#troubledSinceMs = this.#options.now();
    if (isNew) this.#options.onTrouble(error);
  }

  #pathOf(name: string): string {
    return join(this.#options.directory, "entries", name);
  }
}
