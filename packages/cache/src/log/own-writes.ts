import type { Knowledge } from "./knowledge.ts";

/**
 * Guards of this process's own writes. They are held from before the marker is in the log until this
 * process has read its own records of the write: in between it must not take what it has for current.
 */
export class OwnWrites {
  readonly #knowledge: Knowledge;
  /** Ended, not read yet; oldest first. */
  #ended: { readonly seq: number; readonly guards: readonly string[] }[] = [];

  constructor(knowledge: Knowledge) {
    this.#knowledge = knowledge;
  }

  begin(guards: readonly string[]): void {
    this.#knowledge.hold(guards);
  }

  /** The write has ended; the last record of it has at most the number `seq`. */
  end(guards: readonly string[], seq: number): void {
    if (this.#knowledge.position >= seq) this.#knowledge.release(guards);
    else this.#ended.push({ seq, guards });
  }

  /** Called when records were read. */
  releaseRead(): void {
    while (this.#ended[0] !== undefined && this.#ended[0].seq <= this.#knowledge.position) {
      this.#knowledge.release(this.#ended.shift()?.guards ?? []);
    }
  }

  /** The log begins anew: what was written before is old in any case. */
  releaseAll(): void {
    for (const { guards } of this.#ended.splice(0)) this.#knowledge.release(guards);
  }
}
