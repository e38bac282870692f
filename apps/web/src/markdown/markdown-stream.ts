import { Lexer, type Token } from "marked";

/** One block of a text: its tokens never change once it is `finished`. */
export type Block = { key: number; token: Token; finished: boolean };

/**
 * Markdown that is still being written. Text is pushed in pieces; {@link blocks} gives the text as
 * blocks. A block that can no longer change is finished and never parsed again, so a frame costs
 * the length of the open end, not of the whole text; inside an open code fence, which can be long,
 * only a search for its end.
 *
 * A block is finished once another block has begun behind it *and* that one's first line is
 * complete: `1. a`, a blank line and `2` look like a list and a paragraph until `. b` makes them one
 * list. The result is the one that parsing the whole text at once gives; with one exception, link
 * definitions (`[a]: https://…`), which count for text before them as well: {@link finish} parses
 * the whole text anew where it holds one.
 */
export class MarkdownStream {
  #finished: Block[] = [];
  #open = "";
  #text = "";
  #blocks: Block[] = [];
  #nextKey = 0;
  #stale = false;
  #ended = false;

  /** The whole text so far, with line ends as LF. */
  get text(): string {
    return this.#text;
  }

  push(piece: string): void {
    if (piece === "" || this.#ended) return;
    // A CR may be half of a CRLF that the next piece completes; both halves end up as one LF.
    const text = this.#open.endsWith("\r") ? `\r${piece}` : piece;
    if (text !== piece) this.#cut(1);
    const rest = text.endsWith("\r") ? "\r" : "";
    const clean = text.slice(0, text.length - rest.length).replace(/\r\n?/g, "\n") + rest;
    this.#open += clean;
    this.#text += clean;
    this.#stale = true;
  }

  /** No more text comes: every block is finished. */
  finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#text.endsWith("\r")) {
      this.#cut(1);
      this.#open += "\n";
      this.#text += "\n";
    }
    this.#stale = true;
    if (!/^ {0,3}\[[^\]]+\]:/m.test(this.#text)) return;
    this.#finished = [];
    this.#open = this.#text;
  }

  blocks(): readonly Block[] {
    if (!this.#stale) return this.#blocks;
    this.#stale = false;
    const tokens = this.#ended ? Lexer.lex(this.#open) : lexOpen(this.#open);
    const closed = this.#ended ? tokens.length : countFinished(tokens, this.#open);
    let length = 0;
    for (const token of tokens.slice(0, closed)) {
      this.#finished.push({ key: this.#nextKey++, token, finished: true });
      length += token.raw.length;
    }
    this.#open = this.#open.slice(length);
    const open = tokens
      .slice(closed)
      .map((token, i) => ({ key: this.#nextKey + i, token, finished: false }));
    this.#blocks = [...this.#finished, ...open].filter(isVisible);
    return this.#blocks;
  }

  #cut(length: number): void {
    this.#open = this.#open.slice(0, -length);
    this.#text = this.#text.slice(0, -length);
  }
}

/** The blocks of a text that is complete. */
export function parseMarkdown(text: string): readonly Block[] {
  const stream = new MarkdownStream();
  stream.push(text);
  stream.finish();
  return stream.blocks();
}

/** Like the lexer, but does not read through a fence that has not ended yet. */
function lexOpen(text: string): Token[] {
  const fence = /^(`{3,}(?=[^`\n]*\n)|~{3,})([^\n]*)\n/.exec(text);
  const [opening = "", marker = "", info = ""] = fence ?? [];
  if (fence === null) return Lexer.lex(text);
  const end = new RegExp(`\\n {0,3}${marker[0]}{${marker.length},}[ \\t]*(?:\\n|$)`);
  if (end.test(text.slice(opening.length - 1))) return Lexer.lex(text);
  const lang = info.trim();
  return [{ type: "code", raw: text, lang, text: text.slice(opening.length).replace(/\n$/, "") }];
}

/** How many tokens from the start can no longer change, whatever text comes. */
function countFinished(tokens: readonly Token[], text: string): number {
  let last = tokens.length - 1;
  while (last > 0 && tokens[last]?.type === "space") last--;
  if (last <= 0) return 0;
  const isFirstLineOpen = !tokens[last]?.raw.includes("\n") && last === tokens.length - 1;
  let count = last;
  if (isFirstLineOpen) {
    count--;
    while (count > 0 && tokens[count]?.type === "space") count--;
  }
  // Lexing may give a token's text back altered; then nothing can be cut off the text safely.
  let raw = "";
  for (let i = 0; i < count; i++) raw += tokens[i]?.raw;
  return text.startsWith(raw) ? count : 0;
}

function isVisible(block: Block): boolean {
  return block.token.type !== "space" && block.token.type !== "def";
}
