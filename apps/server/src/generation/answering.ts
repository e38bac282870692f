import { type Begun, type Database, newId, type Question } from "@peregrine/database";
import type { Conversation, Message, StreamEvent } from "@peregrine/protocol";
import { ApiError, notFound } from "../http/api-error.ts";
import type { LiveHub } from "../live/live-hub.ts";
import type { ModelServers } from "../models/model-servers.ts";
import { type AnswerLog, replayEvents } from "./answer-log.ts";
import type { AskedModel } from "./asked-model.ts";
import { replayResponse, streamAnswer } from "./event-stream.ts";
import { ModelRequests } from "./model-requests.ts";
import { previewOf } from "./preview.ts";
import type { RemoteAnswers } from "./remote-answers.ts";
import type { RunningAnswers } from "./running-answers.ts";

const pollMs = 500;
const watchMs = 2_000;
/** A server that is asked to stop an answer has saved it within 2 s, or is not there. */
const stopPollMs = 20;
const stopTries = 100;

type Dependencies = {
  database: Database;
  running: RunningAnswers;
  remote: RemoteAnswers;
  models: ModelServers;
  live: LiveHub;
  serverId: string;
  contextTokens: number;
};

/** An answer that has begun. */
export type Asked = { begun: Begun; log: AnswerLog };

/** Asking, asking again, stopping and following answers, for the routes. */
export class Answering {
  readonly #deps: Dependencies;
  readonly #requests: ModelRequests;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    this.#requests = new ModelRequests(dependencies.database, dependencies.contextTokens);
  }

  /**
   * Saves the question while the model is asked already: a first token waits for the longer of the
   * two, and nothing is told before the question is saved.
   *
   * @throws ApiError not_found or answer_running
   */
  async ask(
    userId: string,
    conversationId: string,
    content: string,
    fileIds: string[],
  ): Promise<Asked> {
    const question: Question = {
      userId,
      conversationId,
      questionId: newId(),
      answerId: newId(),
      content,
      fileIds,
      model: await this.#deps.models.defaultModel(),
      serverId: this.#deps.serverId,
      preview: previewOf(content),
    };
    const saving = this.#save(question);
    const asked = this.#deps.running.ask(() => this.#requests.ofQuestion(question, saving));
    try {
      const begun = await saving;
      this.#deps.live.publish(userId, { type: "message.created", message: begun.question });
      return this.#start(userId, begun, asked);
    } catch (error) {
      asked.drop();
      throw error;
    }
  }

  /** @throws ApiError not_found, answer_running or not_last_answer */
  async regenerate(userId: string, answerId: string): Promise<Asked> {
    const begun = await this.#deps.database.answers.regenerate({
      userId,
      answerId,
      newAnswerId: newId(),
      model: await this.#deps.models.defaultModel(),
      serverId: this.#deps.serverId,
      history: this.#requests.historyLimit,
    });
    if (begun === "not_found") throw notFound("answer");
    if (begun === "answer_running") throw answerRunning();
    if (begun === "not_last_answer") {
      throw new ApiError("not_last_answer", "Only a conversation's last answer can be made again.");
    }
    const asked = this.#deps.running.ask(() => this.#requests.ofRegeneration(userId, begun));
    return this.#start(userId, begun, asked, answerId);
  }

  /**
   * Ends a running answer and keeps what came; one that has ended stays as it is.
   *
   * @throws ApiError not_found
   */
  async stop(userId: string, answerId: string): Promise<Message> {
    if (this.#deps.running.find(userId, answerId)) {
      const finished = await this.#deps.running.stop(answerId);
      if (finished) return finished.answer;
    }
    let answer = await this.#getAnswer(userId, answerId);
    if (answer.status === "running") this.#deps.remote.askToStop(userId, answerId);
    for (let tries = 0; answer.status === "running" && tries < stopTries; tries++) {
      await Bun.sleep(stopPollMs);
      answer = await this.#getAnswer(userId, answerId);
    }
    return answer;
  }

  /** Streams an answer of this process to one more reader. */
  stream(log: AnswerLog, afterId: number): Response {
    return streamAnswer(log, afterId, () => this.#deps.running.left(log.started.messageId));
  }

  /**
   * Follows an answer to its end without reading its events.
   *
   * @returns null if it was deleted or could not be saved
   */
  async wait(log: AnswerLog, signal: AbortSignal): Promise<Message | null> {
    const answerId = log.started.messageId;
    const unfollow = log.follow({ wake: () => {} });
    const leave = () => {
      unfollow();
      this.#deps.running.left(answerId);
    };
    signal.addEventListener("abort", leave, { once: true });
    try {
      return (await this.#deps.running.finished(answerId))?.answer ?? null;
    } finally {
      signal.removeEventListener("abort", leave);
      unfollow();
    }
  }

  /**
   * The events of a running or finished answer after `afterId` (-1 for all), as SSE.
   *
   * One that another server writes is mirrored from there; where no server says that it does (it was
   * killed, and its lease still runs) the database is asked until it knows the end.
   *
   * @throws ApiError not_found
   */
  async attach(userId: string, answerId: string, afterId: number, signal: AbortSignal) {
    const log = this.#deps.running.find(userId, answerId);
    if (log) return this.stream(log, afterId);
    let answer = await this.#getAnswer(userId, answerId);
    if (answer.status === "running") {
      const followed = await this.#deps.remote.follow(userId, answerId);
      if (followed) {
        this.#watch(userId, answerId, followed.log).catch(() => {});
        return streamAnswer(followed.log, afterId, followed.leave);
      }
    }
    while (answer.status === "running" && !signal.aborted) {
      await Bun.sleep(pollMs);
      answer = await this.#getAnswer(userId, answerId);
    }
    return replayResponse(
      replayEvents(startedEvent(answer), answer.content, lastEvent(answer), answer.usage, afterId),
    );
  }

  /** Sees to it that the mirror of an answer ends, also when the server that writes it has died. */
  async #watch(userId: string, answerId: string, log: AnswerLog): Promise<void> {
    while (!log.hasEnded && log.followerCount > 0) {
      await Bun.sleep(watchMs);
      if (log.hasEnded) return;
      const answer = await this.#getAnswer(userId, answerId);
      if (answer.status === "running") continue;
      this.#deps.remote.end(answerId, answer.content, lastEvent(answer), answer.usage);
      return;
    }
  }

  conversationChanged(conversation: Conversation): void {
    this.#deps.running.conversationChanged(conversation);
    this.#deps.remote.conversationChanged(conversation);
  }

  conversationDeleted(conversationId: string): void {
    this.#deps.running.conversationDeleted(conversationId);
    this.#deps.remote.conversationDeleted(conversationId);
  }

  /** @throws ApiError not_found or answer_running */
  async #save(question: Question): Promise<Begun> {
    const begun = await this.#deps.database.answers.ask(question);
    if (begun === "not_found") throw notFound("conversation");
    if (begun === "file_not_found") {
      throw new ApiError("not_found", "There is no such file.", { field: "fileIds" });
    }
    if (begun === "answer_running") throw answerRunning();
    return begun;
  }

  #start(userId: string, begun: Begun, asked: AskedModel, replaces?: string): Asked {
    const { live, running } = this.#deps;
    const log = running.start(begun, asked);
    live.publish(userId, {
      type: "message.created",
      message: begun.answer,
      ...(replaces === undefined ? {} : { replaces }),
    });
    live.publish(userId, { type: "conversation.updated", conversation: begun.conversation });
    live.publishAnswerEvent(log, { id: 0, event: log.started });
    return { begun, log };
  }

  async #getAnswer(userId: string, answerId: string): Promise<Message> {
    const message = await this.#deps.database.messages.get(userId, answerId);
    if (message?.role !== "assistant") throw notFound("answer");
    return message;
  }
}

function answerRunning(): ApiError {
  return new ApiError("answer_running", "This conversation is still being answered.");
}

function startedEvent(answer: Message): Extract<StreamEvent, { type: "started" }> {
  return {
    type: "started",
    conversationId: answer.conversationId,
    questionId: answer.questionId ?? "",
    messageId: answer.id,
    model: answer.model ?? "",
    createdAt: answer.createdAt,
  };
}

function lastEvent(answer: Message): Extract<StreamEvent, { type: "done" | "error" }> {
  if (answer.status === "complete" || answer.status === "stopped") {
    return { type: "done", status: answer.status };
  }
  return {
    type: "error",
    code: answer.error?.code ?? "interrupted",
    message: answer.error?.message ?? "The answer was interrupted.",
    retryable: true,
  };
}
