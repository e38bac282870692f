import type { Ticket } from "@peregrine/balancer";
import { AnswerSoFar } from "./answer-so-far.ts";
import type { ModelError } from "./model-error.ts";

/** Whose answer breaks off again and again is told so: each server reads all of it anew. */
const maxContinuations = 3;

/** How far a question is that several servers may be asked. */
export class AnswerProgress {
  readonly answer = new AnswerSoFar();
  /** A place on another server, taken while one was still waited for. */
  next: Ticket | undefined;
  /** Why that one was not waited for any longer. */
  moved: ModelError | undefined;
  /** What went wrong last, until it is known what became of it. */
  failure: { server: string; error: ModelError } | undefined;
  /** What cut short the text that came; what a person is told where nobody can go on with it. */
  interruption: ModelError | undefined;
  #tried: readonly string[] = [];
  #continuations = 0;

  /** Servers that failed since the answer last grew. */
  get tried(): readonly string[] {
    return this.#tried;
  }

  /** Somebody has to go on with what came. White space alone is no beginning: any server may answer. */
  get isToBeContinued(): boolean {
    return !this.answer.isEmpty && this.answer.text().trimEnd() !== "";
  }

  /** The one that broke off may be asked again, once, where there is no other. */
  get mayGoBack(): boolean {
    return this.interruption !== undefined && new Set(this.#tried).size === this.#tried.length;
  }

  failed(serverId: string, error: ModelError): void {
    this.failure = { server: serverId, error };
    if (this.answer.hasGrown) {
      this.interruption = error;
      this.#tried = [serverId];
    } else this.#tried = [...this.#tried, serverId];
  }

  /** Whether another server may be asked after this failure, by what there is to be asked. */
  mayGoOn(error: ModelError): boolean {
    if (this.answer.isEmpty) return error.isServerAtFault;
    // A server that would not go on with it says nothing of the next one.
    if (this.answer.hasGrown && !error.isServerAtFault) return false;
    return ++this.#continuations <= maxContinuations;
  }
}
