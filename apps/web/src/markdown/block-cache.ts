import { type Block, parseMarkdown } from "./markdown-stream.ts";

const KEPT = 400;

/**
 * The blocks of finished answers, parsed when they come into view. Keeps the most recently used
 * 400, enough for scrolling back and forth without parsing again.
 */
export class BlockCache {
  readonly #blocks = new Map<string, { text: string; blocks: readonly Block[] }>();

  get(key: string, text: string): readonly Block[] {
    let known = this.#blocks.get(key);
    if (known?.text !== text) known = { text, blocks: parseMarkdown(text) };
    this.#blocks.delete(key);
    this.#blocks.set(key, known);
    if (this.#blocks.size > KEPT) this.#blocks.delete(this.#blocks.keys().next().value ?? "");
    return known.blocks;
  }
}
