/** Longer code stays plain: colouring 100,000 characters takes longer than a frame can wait. */
const LONGEST = 50_000;
const KEPT = 200;

type Lowlight = typeof import("./languages.ts").lowlight;

/** Code with its colours, as a tree of elements and texts (hast). */
export type CodeTree = ReturnType<Lowlight["highlight"]>;

/**
 * Colours code. The grammars are a chunk of their own that is loaded when the first code is shown;
 * the 200 most recently used results are kept, so that scrolling back costs nothing.
 */
export class Highlighter {
  readonly #load: () => Promise<Lowlight>;
  readonly #trees = new Map<string, CodeTree>();
  #loading: Promise<Lowlight> | undefined;

  constructor(load: () => Promise<Lowlight>) {
    this.#load = load;
  }

  /** What was coloured before, without waiting. */
  known(code: string, language: string): CodeTree | undefined {
    return this.#trees.get(`${language}\n${code}`);
  }

  /** @returns undefined for a language nobody knows, or too long a text. */
  async highlight(code: string, language: string): Promise<CodeTree | undefined> {
    if (language === "" || code.length > LONGEST) return undefined;
    this.#loading ??= this.#load();
    const lowlight = await this.#loading.catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    if (!lowlight.registered(language)) return undefined;
    const key = `${language}\n${code}`;
    const tree = this.#trees.get(key) ?? lowlight.highlight(language, code);
    this.#trees.delete(key);
    this.#trees.set(key, tree);
    if (this.#trees.size > KEPT) this.#trees.delete(this.#trees.keys().next().value ?? "");
    return tree;
  }
}
