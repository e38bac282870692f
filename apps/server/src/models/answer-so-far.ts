import type { ModelEvent } from "./model.ts";

type Usage = Extract<ModelEvent, { type: "usage" }>;

/** What one server gave of an answer. */
type Part = { /** Of reasoning too. */ tokens: number; textTokens: number };

/** What came of an answer, over all servers that wrote at it. */
export class AnswerSoFar {
  readonly #texts: string[] = [];
  readonly #finished: Part[] = [];
  #part: Part = { tokens: 0, textTokens: 0 };

  get isEmpty(): boolean {
    return this.#texts.length === 0;
  }

  /** Whether the server that writes now has given out any of it. */
  get hasGrown(): boolean {
    return this.#part.textTokens > 0;
  }

  /** Tokens that came from all servers. */
  get tokens(): number {
    return this.#finished.reduce((sum, { tokens }) => sum + tokens, this.#part.tokens);
  }

  text(): string {
    return this.#texts.join("");
  }

  append(text: string): void {
    this.#texts.push(text);
    this.#part.textTokens++;
  }

  countTokens(count: number): void {
    this.#part.tokens += count;
  }

  /** From here on another server writes. */
  beginPart(): void {
    if (this.#part.tokens > 0) this.#finished.push(this.#part);
    this.#part = { tokens: 0, textTokens: 0 };
  }

  /**
   * What all servers together were asked and gave. One that broke off did not say, so its tokens are
   * those that were counted, and its prompt is the last one's without what was written since.
   */
  total({ promptTokens, completionTokens }: Usage): Usage {
    let prompts = promptTokens;
    let prompt = promptTokens;
    let completion = completionTokens;
    for (const { tokens, textTokens } of this.#finished.toReversed()) {
      prompt = Math.max(0, prompt - textTokens);
      prompts += prompt;
      completion += tokens;
    }
    return { type: "usage", promptTokens: prompts, completionTokens: completion };
  }
}
