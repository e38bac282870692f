/**
 * Who has read how much of the log, as far as this process was told, and who waits for it.
 *
 * A wait ends when every process named has read up to the number, or when its time is up: then the
 * lease of whoever has not answered has run out, and it serves nothing from memory.
 */
export class Acknowledgements {
  readonly #read = new Map<string, number>();
  readonly #waits = new Set<{ seq: number; missing: Set<string>; done: () => void }>();

  /** `node` has taken in everything up to `seq`. */
  note(node: string, seq: number): void {
    if ((this.#read.get(node) ?? -1) >= seq) return;
    this.#read.set(node, seq);
    for (const wait of this.#waits) {
      if (wait.seq > seq || !wait.missing.delete(node)) continue;
      if (wait.missing.size === 0) wait.done();
    }
  }

  /** Resolves when all `nodes` have read up to `seq`, at the latest after `atMostMs`. */
  wait(seq: number, nodes: readonly string[], atMostMs: number): Promise<void> {
    const missing = new Set(nodes.filter((node) => (this.#read.get(node) ?? -1) < seq));
    if (missing.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waits.delete(wait);
        resolve();
      };
      const wait = { seq, missing, done };
      const timer = setTimeout(done, atMostMs);
      this.#waits.add(wait);
    });
  }

  /** Numbers of another epoch say nothing: who waits has to wait its time out. */
  forget(): void {
    this.#read.clear();
  }

  /** Keeps only those who are alive, so that the list does not grow for ever. */
  retain(nodes: readonly string[]): void {
    if (this.#read.size <= nodes.length + 8) return;
    const alive = new Set(nodes);
    for (const node of this.#read.keys()) if (!alive.has(node)) this.#read.delete(node);
  }
}
