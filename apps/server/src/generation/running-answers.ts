import type { Begun, Database, FinishedAnswer } from "@peregrine/database";
import type { Log } from "@peregrine/process";
import {
  type Conversation,
  type ErrorCode,
  errorTable,
  type Message,
  type StreamEvent,
  type Usage,
} from "@peregrine/protocol";
import type { Model, ModelRequest } from "../models/model.ts";
import { ModelError } from "../models/model-error.ts";
import { AnswerLog, type LoggedEvent } from "./answer-log.ts";
import { AskedModel } from "./asked-model.ts";
import type { FrameClock } from "./frame-clock.ts";
import { previewOf } from "./preview.ts";
import { saveWithRetry } from "./save-with-retry.ts";

/** Why an answer ends before its model does. */
type StopReason = "stopped" | "alone" | "deleted" | "shutdown";

type Outcome = Pick<FinishedAnswer, "status" | "usage" | "error"> & { last: LastEvent };
type LastEvent = Extract<StreamEvent, { type: "done" | "error" }>;

type Running = {
  log: AnswerLog;
  conversationId: string;
  cancelWhenAlone: boolean;
  abort: AbortController;
  finished: Promise<Finished | null>;
};

/** An answer as it was saved; the conversation as it stands after that. */
export type Finished = { answer: Message; conversation: Conversation };

type Dependencies = {
  database: Database;
  model: Model;
  clock: FrameClock;
  log: Log;
  serverId: string;
  /** Every event of every answer, as it goes out. */
  onEvent(answer: AnswerLog, event: LoggedEvent): void;
  /** An answer was saved. */
  onFinished(userId: string, finished: Finished): void;
};

/**
 * The answers that this process is writing. Each belongs to the question, not to the request that
 * asked it: it runs on when connections close, unless its conversation says `cancelWhenAlone`.
 *
 * The end of an answer is saved before it is told, so that whoever sees `done` and reads the
 * message finds it whole.
 */
export class RunningAnswers {
  readonly #deps: Dependencies;
  readonly #running = new Map<string, Running>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Asks the model for an answer that is to be started, or dropped. */
  ask(request: () => Promise<ModelRequest>): AskedModel {
    return new AskedModel(this.#deps.model, request);
  }

  /**
   * Begins to write an answer that is saved as running.
   *
   * What the model says is read in a later task, so that the caller can follow the log before its
   * first event, and `cancelWhenAlone` does not take an answer for deserted that nobody could join
   * yet.
   */
  start(begun: Begun, asked: AskedModel): AnswerLog {
    const { answer, question, conversation } = begun;
    const log = new AnswerLog(
      {
        type: "started",
        conversationId: conversation.id,
        questionId: question.id,
        messageId: answer.id,
        model: answer.model ?? "",
        createdAt: answer.createdAt,
      },
      question.author?.id ?? "",
      this.#deps.clock,
      (event) => this.#deps.onEvent(log, event),
    );
    const running: Running = {
      log,
      conversationId: conversation.id,
      cancelWhenAlone: conversation.cancelWhenAlone,
      abort: asked.abort,
      finished: Promise.resolve().then(() => this.#write(log, asked)),
    };
    this.#running.set(answer.id, running);
    running.finished = running.finished.finally(() => this.#running.delete(answer.id));
    // Waiting for the end is optional; a failure is logged where it happens.
    running.finished.catch(() => {});
    return log;
  }

  /** The answer with this id, if this process writes it and it is this user's. */
  find(userId: string, answerId: string): AnswerLog | undefined {
    const log = this.#running.get(answerId)?.log;
    return log?.userId === userId ? log : undefined;
  }

  /** Resolves when the answer is saved; null if it was deleted meanwhile or could not be saved. */
  async finished(answerId: string): Promise<Finished | null> {
    return (await this.#running.get(answerId)?.finished) ?? null;
  }

  /** Ends an answer and keeps what came. */
  async stop(answerId: string): Promise<Finished | null> {
    this.#abort(answerId, "stopped");
    return this.finished(answerId);
  }

  /** Tells that a follower left; the last one to go may take the answer with it. */
  left(answerId: string): void {
    const running = this.#running.get(answerId);
    if (running?.cancelWhenAlone && running.log.followerCount === 0) {
      this.#abort(answerId, "alone");
    }
  }

  /** Applies a change of the conversation's settings to its running answer. */
  conversationChanged(conversation: Conversation): void {
    for (const [answerId, running] of this.#running) {
      if (running.conversationId !== conversation.id) continue;
      running.cancelWhenAlone = conversation.cancelWhenAlone;
      this.left(answerId);
    }
  }

  /** Ends what runs in a conversation that was deleted. */
  conversationDeleted(conversationId: string): void {
    for (const [answerId, running] of this.#running) {
      if (running.conversationId === conversationId) this.#abort(answerId, "deleted");
    }
  }

  /** Lets answers finish for up to `timeoutMs`, then ends the rest as interrupted, saved as far as they came. */
  async drain(timeoutMs: number): Promise<void> {
    const all = () => Promise.allSettled([...this.#running.values()].map((r) => r.finished));
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, timeoutMs);
    await Promise.race([all(), timeout.promise]);
    clearTimeout(timer);
    for (const answerId of this.#running.keys()) this.#abort(answerId, "shutdown");
    await all();
  }

  #abort(answerId: string, reason: StopReason): void {
    this.#running.get(answerId)?.abort.abort(reason);
  }

  async #write(log: AnswerLog, asked: AskedModel): Promise<Finished | null> {
    const { last, ...outcome } = await this.#generate(log, asked);
    const content = log.text();
    const finished = await this.#save(log, {
      userId: log.userId,
      conversationId: log.started.conversationId,
      answerId: log.started.messageId,
      serverId: this.#deps.serverId,
      content,
      model: null,
      preview: content === "" ? null : previewOf(content),
      ...outcome,
    });
    if (finished === "not_saved") {
      const lost = interrupted("database_unavailable", "The answer could not be saved.");
      log.end(lost.last, outcome.usage);
      return null;
    }
    log.end(last, outcome.usage);
    if (finished) this.#deps.onFinished(log.userId, finished);
    return finished;
  }

  /** Reads the model to its end, whatever that is. */
  async #generate(log: AnswerLog, { events, abort }: AskedModel): Promise<Outcome> {
    const { signal } = abort;
    let usage: Usage | null = null;
    try {
      for await (const event of events) {
        if (event.type === "delta") log.append(event.text);
        else if (event.type === "usage") {
          usage = { promptTokens: event.promptTokens, completionTokens: event.completionTokens };
        }
      }
      signal.throwIfAborted();
      return { status: "complete", usage, error: null, last: { type: "done", status: "complete" } };
    } catch (error) {
      return { usage, ...this.#failure(error, signal) };
    }
  }

  #failure(error: unknown, signal: AbortSignal): Omit<Outcome, "usage"> {
    const reason: StopReason | undefined = signal.aborted ? signal.reason : undefined;
    if (reason === "shutdown") return interrupted("interrupted", "The server was stopped.");
    if (reason) {
      return { status: "stopped", error: null, last: { type: "done", status: "stopped" } };
    }
    if (error instanceof ModelError) {
      this.#deps.log.warn({ err: error, code: error.code }, "the model failed");
      return interrupted(error.code, error.message, error.retryable);
    }
    this.#deps.log.error({ err: error }, "writing an answer failed");
    return interrupted("internal", "The server failed while writing the answer.");
  }

  async #save(log: AnswerLog, answer: FinishedAnswer): Promise<Finished | null | "not_saved"> {
    try {
      return await saveWithRetry(
        () => this.#deps.database.answers.finish(answer),
        (err) => this.#deps.log.warn({ err }, "saving an answer failed, trying again"),
      );
    } catch (err) {
      this.#deps.log.error({ err, messageId: log.started.messageId }, "an answer was not saved");
      return "not_saved";
    }
  }
}

function interrupted(
  code: ErrorCode,
  message: string,
  retryable: boolean = errorTable[code].retryable,
): Omit<Outcome, "usage"> {
  const last: LastEvent = { type: "error", code, message, retryable };
  return { status: "interrupted", error: { code, message }, last };
}
