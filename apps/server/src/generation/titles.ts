import type { Database } from "@peregrine/database";
import type { Log } from "@peregrine/process";
import type { Conversation } from "@peregrine/protocol";
import type { Model } from "../models/model.ts";
import { makeTitle } from "../models/title-prompt.ts";
import type { Finished } from "./running-answers.ts";

const timeoutMs = 30_000;
/** A rush of new conversations must not make a rush of titles: those beyond it go without. */
const maxWaiting = 200;

type Dependencies = {
  database: Database;
  model: Model;
  log: Log;
  onTitled(userId: string, conversation: Conversation): void;
  /** Resolves when there is room for work that nobody waits for. */
  untilThereIsRoom(signal: AbortSignal): Promise<void>;
};

/**
 * Gives a new conversation a title after its first answer: one at a time, after everything people
 * wait for. A title that cannot be made is no loss; the next answer tries again.
 */
export class Titles {
  readonly #deps: Dependencies;
  readonly #shutdown = new AbortController();
  readonly #waiting: { userId: string; finished: Finished }[] = [];
  #work: Promise<void> | undefined;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Makes a title later, if the conversation has none. */
  request(userId: string, finished: Finished): void {
    const { answer, conversation } = finished;
    if (conversation.title !== null || answer.status !== "complete") return;
    if (this.#shutdown.signal.aborted || this.#waiting.length >= maxWaiting) return;
    this.#waiting.push({ userId, finished });
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
    });
  }

  /** Ends the title that is being made and drops the rest. */
  async stop(): Promise<void> {
    this.#waiting.length = 0;
    this.#shutdown.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      try {
        await this.#deps.untilThereIsRoom(this.#shutdown.signal);
        if (this.#shutdown.signal.aborted) return;
        await this.#title(next.userId, next.finished);
      } catch (err) {
        if (this.#shutdown.signal.aborted) return;
        this.#deps.log.warn({ err }, "no title could be made");
      }
    }
  }

  async #title(userId: string, { answer, conversation }: Finished): Promise<void> {
    const { database, model, onTitled } = this.#deps;
    const question = answer.questionId && (await database.messages.get(userId, answer.questionId));
    if (!question) return;
    const signal = AbortSignal.any([this.#shutdown.signal, AbortSignal.timeout(timeoutMs)]);
    const input = {
      model: answer.model ?? "",
      question: question.content,
      answer: answer.content,
      conversationId: conversation.id,
    };
    const title = await makeTitle(model, input, signal);
    const titled = await database.conversations.setTitleIfUntitled(userId, conversation.id, title);
    if (titled) onTitled(userId, titled);
  }
}
