import type { CdnNetwork, FileStore } from "@peregrine/cdn";
import { type Database, newId } from "@peregrine/database";
import { type Log, Recurring } from "@peregrine/process";
import { type FileAddresses, publicPath } from "./file-addresses.ts";

type Dependencies = {
  database: Database;
  store: FileStore;
  network: CdnNetwork;
  addresses: FileAddresses;
  log: Log;
  /** Files were removed everywhere, or could not be. */
  onPurge?: ((result: "done" | "failed", files: number) => void) | undefined;
};

/** No other server takes a batch for as long; a batch takes seconds. */
const leaseSeconds = 300;
/** How often removals that are due are looked for: one small statement. */
const everyMs = 5_000;
/** For a network that works in its own time. */
const askAgainSeconds = 20;
const maxPauseSeconds = 600;
/** Longer than an answer that was begun before a purge can be on its way to a cache. */
const secondPurgeAfterSeconds = 60;

/** The tag that responses with a file's content carry, and by which caches remove them. */
export function fileTag(fileId: string): string {
  return `file-${fileId}`;
}

/** Likewise, for what everybody may have under a hash. */
export function publicFileTag(hash: string): string {
  return `public-${hash}`;
}

/**
 * Removes what was deleted from the store and from all caches, until it is through: each batch is
 * tried again, at first after seconds and at last every 10 minutes, by whichever server lives.
 * Meanwhile the database says what waits, since when, and why.
 *
 * Of what was public all caches are told twice, a minute apart: an answer from before the change may
 * have been on its way to a cache when it was told first, and would be kept there for a year.
 */
export class FileRemovals {
  readonly #deps: Dependencies;
  readonly #looks: Recurring;
  readonly #failures = new Map<string, number>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    this.#looks = new Recurring((signal) => this.#removeDue(signal), {
      everyMs,
      onError: (err) => dependencies.log.warn({ err }, "looking for removals failed"),
    });
    this.wake();
  }

  /** There may be something to remove. */
  wake(): void {
    this.#looks.wake();
  }

  /** What is on its way is left to the next start, or to another server. */
  stop(): Promise<void> {
    return this.#looks.stop();
  }

  async #removeDue(signal: AbortSignal): Promise<void> {
    const { onPurge } = this.#deps;
    const { fileRemovals } = this.#deps.database;
    while (!signal.aborted) {
      const batch = await fileRemovals.claim(newId(), leaseSeconds);
      if (!batch) return;
      try {
        const state = await this.#remove(batch.id, batch.removals);
        this.#failures.delete(batch.id);
        if (state === "in_progress") {
          await fileRemovals.postpone(batch.id, askAgainSeconds, null);
          continue;
        }
        await fileRemovals.finish(batch.id, secondPurgeAfterSeconds);
        onPurge?.("done", batch.removals.length);
      } catch (error) {
        if (signal.aborted) return await fileRemovals.postpone(batch.id, 0, null);
        onPurge?.("failed", batch.removals.length);
        await this.#failed(batch.id, error);
      }
    }
  }

  /** First the store, or a cache would take the file from there again. */
  async #remove(
    batchId: string,
    removals: {
      fileId: string;
      objectKey: string;
      isShared: boolean;
      publicHash: string | null;
    }[],
  ) {
    const { store, network, addresses } = this.#deps;
    for (const { objectKey, isShared } of removals) {
      if (!isShared) await store.delete(objectKey);
    }
    const items = removals.flatMap((removal) => {
      const { fileId, publicHash } = removal;
      const item = { path: addresses.purgePath(removal), tag: fileTag(fileId) };
      if (publicHash === null) return [item];
      return [item, { path: `${publicPath(publicHash)}*`, tag: publicFileTag(publicHash) }];
    });
    return network.purge(items, { reference: batchId, signal: this.#looks.signal });
  }

  async #failed(batchId: string, error: unknown): Promise<void> {
    const failures = (this.#failures.get(batchId) ?? 0) + 1;
    this.#failures.set(batchId, failures);
    const pauseSeconds = Math.min(2 ** failures, maxPauseSeconds);
    const { log, database } = this.#deps;
    log.warn({ err: error, failures, pauseSeconds }, "removing deleted files failed");
    const message = error instanceof Error ? error.message : String(error);
    await database.fileRemovals.postpone(batchId, pauseSeconds, message.slice(0, 1000));
  }
}
