import { readFile } from "node:fs/promises";

/**
 * Watches what files say, by reading them again and again. Looking at names alone would miss the
 * files that an orchestrator swaps by a link, and what lies on a network's disk.
 */
export class WatchedFiles {
  readonly #paths: readonly string[];
  readonly #onChange: (texts: string[]) => unknown;
  readonly #onError: (error: Error) => void;
  readonly #timer: Timer;
  #last: string;
  #lastError = "";
  #isReading = false;

  /**
   * @param texts what the files said when they were first read
   * @param onChange told each time that what they say has changed
   * @param onError told when they cannot be read, or when `onChange` throws; once for each reason
   */
  constructor(
    paths: readonly string[],
    texts: readonly string[],
    onChange: (texts: string[]) => unknown,
    onError: (error: Error) => void,
    everyMs = 1000,
  ) {
    this.#paths = paths;
    this.#last = texts.join("\0");
    this.#onChange = onChange;
    this.#onError = onError;
    this.#timer = setInterval(() => void this.#look(), everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects: what goes wrong is told. */
  async #look(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const texts = await readTexts(this.#paths);
      const all = texts.join("\0");
      if (all === this.#last) return;
      this.#last = all;
      this.#lastError = "";
      await this.#onChange(texts);
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#lastError) this.#onError(error as Error);
      this.#lastError = message;
    } finally {
      this.#isReading = false;
    }
  }
}

export function readTexts(paths: readonly string[]): Promise<string[]> {
  return Promise.all(paths.map((path) => readFile(path, "utf8")));
}
