import { nextTick } from "node:process";

/**
 * Reads of single keys, gathered into one command for all that are asked for in one turn of the
 * event loop. A command costs the client several times what one more key in it does, and under load
 * many requests miss memory in the same turn. Nobody waits for company: the client itself writes to
 * its socket only when the turn is over.
 */
export class ReadBatch {
  readonly #read: (names: readonly string[]) => Promise<readonly unknown[]>;
  #open: { readonly names: string[]; readonly replies: Promise<readonly unknown[]> } | undefined;

  constructor(read: (names: readonly string[]) => Promise<readonly unknown[]>) {
    this.#read = read;
  }

  async get(name: string): Promise<unknown> {
    this.#open ??= this.#begin();
    const { names, replies } = this.#open;
    const at = names.push(name) - 1;
    if (names.length === MOST_NAMES) this.#open = undefined;
    return (await replies)[at];
  }

  #begin() {
    const names: string[] = [];
    const replies = new Promise<readonly unknown[]>((resolve) => {
      const send = () => {
        if (this.#open?.names === names) this.#open = undefined;
        resolve(this.#read(names));
      };
      // Alone, a tick asked for outside of a microtask would run before all of these.
      queueMicrotask(() => nextTick(send));
    });
    return { names, replies };
  }
}

/** Bounds how long the first of them can be held up by the size of the others. */
const MOST_NAMES = 64;
