import { type FileHandle, open, readFile, rename } from "node:fs/promises";

/** A purge of one key, or of everything, as a ledger counts it. */
export type RecordedPurge = { readonly key: string | null; readonly at: number };

/**
 * Purges on disk, so that a process that was killed does not serve again what was purged before. A
 * purge is one line, flushed before it is called done.
 */
export class PurgeJournal {
  readonly #path: string;
  #file: FileHandle | undefined;
  #writing: Promise<void> = Promise.resolve();
  #lines = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** How many lines there are. */
  get lines(): number {
    return this.#lines;
  }

  /** What was purged before. A last line that was not written to its end is none. */
  read(): Promise<RecordedPurge[]> {
    return this.#inOrder(() => this.#read());
  }

  async #read(): Promise<RecordedPurge[]> {
    const text = await readFile(this.#path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const purges: RecordedPurge[] = [];
    for (const line of text.split("\n")) {
      try {
        const [at, key] = JSON.parse(line) as [number, string | null];
        purges.push({ at, key });
      } catch {}
    }
    this.#lines = purges.length;
    return purges;
  }

  /** @returns a promise that resolves once it will be there after a crash */
  add(purges: readonly RecordedPurge[]): Promise<void> {
    return this.#inOrder(async () => {
      this.#file ??= await open(this.#path, "a");
      await this.#file.write(textOf(purges));
      this.#lines += purges.length;
      await this.#file.datasync();
    });
  }

  /** Keeps these alone. */
  rewrite(purges: readonly RecordedPurge[]): Promise<void> {
    return this.#inOrder(async () => {
      await this.#file?.close();
      this.#file = undefined;
      const next = `${this.#path}.next`;
      const file = await open(next, "w");
      await file.write(textOf(purges));
      await file.datasync();
      await file.close();
      await rename(next, this.#path);
      this.#lines = purges.length;
    });
  }

  async close(): Promise<void> {
    await this.#inOrder(async () => {
      await this.#file?.close();
      this.#file = undefined;
    });
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(work);
    this.#writing = done.then(
      () => {},
      () => {},
    );
    return done;
  }
}

/** A line begins with a line feed, so that one that was cut off before does not swallow it. */
function textOf(purges: readonly RecordedPurge[]): string {
  return purges.map(({ at, key }) => `\n${JSON.stringify([at, key])}\n`).join("");
}
