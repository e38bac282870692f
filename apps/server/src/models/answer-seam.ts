import type { WayToContinue } from "./continue-with.ts";
import { ModelError } from "./model-error.ts";

/**
 * Where the part of an answer that one server wrote meets the part of the next: gives out what the
 * reader does not have yet, so that nothing comes twice and nothing is lost.
 *
 * - What a server repeats because that is its way is dropped, and has to be the same.
 * - White space at the end of the answer so far is not sent: templates cut it off, some servers
 *   refuse it, and models write it again, since a space is the beginning of a token. So the
 *   continuation begins with it, and there what the reader has of it is dropped.
 *
 * Holds back white space at the beginning until something follows; the rest goes straight through.
 */
export class AnswerSeam {
  /** What goes to the server. */
  readonly sent: string;
  /** The white space that the reader has and the server was not sent. */
  readonly #space: string;
  /** What is still to be repeated. */
  #repeat: string;
  #held = "";
  #isPassed: boolean;

  constructor(soFar: string, way: WayToContinue) {
    this.sent = soFar.trimEnd();
    this.#space = soFar.slice(this.sent.length);
    this.#repeat = way === "prefix_repeated" ? this.sent : "";
    this.#isPassed = soFar === "";
  }

  /**
   * @returns what can be given out now; may be empty
   * @throws ModelError where another answer was begun
   */
  push(text: string): string {
    if (this.#isPassed) return text;
    this.#held += this.#withoutRepeat(text);
    const at = this.#held.search(/\S/);
    if (at === -1) return "";
    this.#isPassed = true;
    return this.#newSpace(this.#held.slice(0, at)) + this.#held.slice(at);
  }

  /** The answer is over. @returns what was held back */
  end(): string {
    if (this.#isPassed) return "";
    if (this.#repeat !== "") throw beganAnother();
    this.#isPassed = true;
    return this.#newSpace(this.#held);
  }

  #withoutRepeat(text: string): string {
    const known = this.#repeat.slice(0, text.length);
    if (!text.startsWith(known)) throw beganAnother();
    this.#repeat = this.#repeat.slice(known.length);
    return text.slice(known.length);
  }

  /** Where both wrote other white space, the reader keeps what it has. */
  #newSpace(space: string): string {
    return space.startsWith(this.#space) ? space.slice(this.#space.length) : "";
  }
}

function beganAnother(): ModelError {
  const message = "The model server that was to go on with the answer began another one.";
  return new ModelError("model_interrupted", message, { isServerIll: false });
}
