import type { FileStore } from "@peregrine/cdn";
import { type Database, newId } from "@peregrine/database";
import { type Log, Recurring } from "@peregrine/process";
import type { Differences, FileSweepsBody, LeftOvers } from "@peregrine/protocol";
import { compareStore } from "./compare-store.ts";
import type { FileRemovals } from "./file-removals.ts";
import type { Uploads } from "./uploads.ts";

type Options = {
  database: Database;
  store: FileStore;
  uploads: Uploads;
  removals: FileRemovals;
  log: Log;
  /** Files that no message has are deleted after this; 0 keeps them. */
  unattachedTtlSeconds: number;
};

/** How often a server looks whether something is to be done: a small statement for each sweep. */
const lookEveryMs = 60_000;
const leftOversEverySeconds = 600;
const differencesEverySeconds = 86_400;
/** A server that dies in a sweep is followed by another after this. */
const leaseSeconds = 3600;
const filesAtOnce = 500;
/** Before the first id there can be. */
const firstId = "00000000-0000-7000-8000-000000000000";

/**
 * Removes what nobody took up, by one server for all:
 *
 * - **left-overs**, every ten minutes: uploads that were not finished, and private files that no
 *   message has;
 * - **differences**, once a day: objects without a file are removed, files without their object are
 *   told of.
 *
 * Whose turn it is stands in the database, with what came of it last.
 */
export class FileSweeps {
  readonly #options: Options;
  readonly #looks: Recurring;

  constructor(options: Options) {
    this.#options = options;
    this.#looks = new Recurring(() => this.run(1), {
      everyMs: lookEveryMs,
      onError: (err) => options.log.warn({ err }, "sweeping files failed"),
    });
    this.#looks.wake();
  }

  async last(): Promise<FileSweepsBody> {
    const { scheduledJobs } = this.#options.database;
    const [leftOvers, differences] = await Promise.all([
      scheduledJobs.last("files.leftOvers"),
      scheduledJobs.last("files.differences"),
    ]);
    return { leftOvers, differences } as FileSweepsBody;
  }

  /** @param factor of the usual times; 0 sweeps now, unless a server is at it */
  async run(factor: number): Promise<void> {
    await this.#turn("files.leftOvers", leftOversEverySeconds * factor, () => this.#leftOvers());
    await this.#turn("files.differences", differencesEverySeconds * factor, () =>
      this.#differences(),
    );
  }

  /** What is on its way is left to another server, or to the next start. */
  stop(): Promise<void> {
    return this.#looks.stop();
  }

  async #turn(name: string, everySeconds: number, sweep: () => Promise<object>): Promise<void> {
    const { scheduledJobs } = this.#options.database;
    if (this.#looks.signal.aborted) return;
    if (!(await scheduledJobs.claim(name, everySeconds, leaseSeconds))) return;
    try {
      await scheduledJobs.finish(name, await sweep());
    } catch (error) {
      await scheduledJobs.release(name);
      if (!this.#looks.signal.aborted) throw error;
    }
  }

  async #leftOvers(): Promise<LeftOvers> {
    const { uploads, removals, log } = this.#options;
    const swept = { uploads: await uploads.sweep(), files: await this.#unattached() };
    if (swept.files > 0) removals.wake();
    if (swept.uploads + swept.files > 0) log.info(swept, "swept files that nobody took up");
    return swept;
  }

  async #unattached(): Promise<number> {
    const { database, unattachedTtlSeconds } = this.#options;
    if (unattachedTtlSeconds === 0) return 0;
    let deleted = 0;
    let after = firstId;
    for (;;) {
      this.#looks.signal.throwIfAborted();
      const found = await database.fileSweeps.unattached(after, unattachedTtlSeconds, filesAtOnce);
      for (const { userId, id } of found) {
        if (await database.files.deleteUnattached(userId, id)) deleted++;
      }
      const last = found.at(-1);
      if (!last) return deleted;
      after = last.id;
    }
  }

  async #differences(): Promise<Differences> {
    const { database, store, removals, log } = this.#options;
    const found = await compareStore(store, database.fileSweeps, {
      signal: this.#looks.signal,
      now: Date.now(),
      stray: (objectKey) => database.fileSweeps.removeObject(newId(), objectKey),
      isStillMissing: async (file) =>
        (await database.files.getOfAnyone(file.id)) !== null &&
        (await store.size(file.objectKey)) === null,
      missing: (file) => log.error({ file: file.id }, "the object of a file is not in the store"),
    });
    if (found.strayObjects > 0) removals.wake();
    if (found.strayObjects + found.missingObjects > 0) {
      log.warn(found, "the store and the database differ");
    }
    return found;
  }
}
