import type {
  BegunAgain,
  Database,
  HistoryLimit,
  HistoryMessage,
  Question,
} from "@peregrine/database";
import type { Conversation } from "@peregrine/protocol";
import { notFound } from "../http/api-error.ts";
import { cutHistory } from "../models/history-budget.ts";
import type { ModelMessage, ModelRequest } from "../models/model.ts";
import { type AskedMessage, documentTokens, withDocuments } from "./document-context.ts";
import { isRepeatable } from "./shared/request-key.ts";

/** More than any budget of tokens needs; what is too much is cut before it is sent. */
const maxHistoryMessages = 1000;
/** Bytes of history that are read for each token of the budget. */
const bytesPerToken = 8;
/** Files of messages before these are not read again. */
const maxMessagesWithFiles = 10;

type Asked = {
  userId: string;
  /** The model that answers where the conversation names none. */
  model: string;
  conversation: Conversation;
  history: readonly HistoryMessage[];
  question: AskedMessage;
};

/** Puts together what models are sent: the question, and what was said and attached before it. */
export class ModelRequests {
  readonly #database: Database;
  readonly #contextTokens: number;

  /** @param contextTokens what a request may weigh in all */
  constructor(database: Database, contextTokens: number) {
    this.#database = database;
    this.#contextTokens = contextTokens;
  }

  get historyLimit(): HistoryLimit {
    return { messages: maxHistoryMessages, bytes: this.#contextTokens * bytesPerToken };
  }

  /**
   * For a question that is just being saved. What was said before it does not wait for that, unless
   * files come with the question or an answer is running: that question may well be refused, and a
   * model that is asked in vain costs money.
   *
   * @param saving fails where the question is refused
   */
  async ofQuestion(question: Question, saving: Promise<unknown>): Promise<ModelRequest> {
    const { userId, questionId, content, fileIds, model } = question;
    const read = () => this.#database.answers.prompt({ ...question, history: this.historyLimit });
    // What fails here would fail the saving too, or is well again after it.
    let prompt = fileIds.length === 0 ? await read().catch(() => null) : null;
    if (!prompt) {
      await saving;
      prompt = await read();
    }
    if (!prompt) throw notFound("conversation"); // deleted since
    const asked: AskedMessage = { role: "user", content };
    if (fileIds.length > 0) asked.withFiles = questionId;
    return this.#request({ ...prompt, userId, model, question: asked });
  }

  async ofRegeneration(userId: string, begun: BegunAgain): Promise<ModelRequest> {
    const { conversation, history, answer } = begun;
    const { id, content, files } = begun.question;
    const question: AskedMessage = { role: "user", content };
    if (files.length > 0) question.withFiles = id;
    const model = answer.model ?? "";
    const request = await this.#request({ userId, model, conversation, history, question });
    // Whoever asks for another answer does not want the same again.
    if (request.share) request.share.fresh = true;
    return request;
  }

  async #request({ userId, model, conversation, history, question }: Asked): Promise<ModelRequest> {
    const messages = await this.#withDocuments([...history, question]);
    const request: ModelRequest = {
      model: conversation.model ?? model,
      messages: cutHistory(messages, this.#contextTokens),
      priority: "interactive",
      conversationId: conversation.id,
      user: userId,
    };
    return isRepeatable(request, conversation) ? { ...request, share: { owner: userId } } : request;
  }

  /** Reads the texts of attached files, where there are any, newest message first. */
  async #withDocuments(asked: AskedMessage[]): Promise<ModelMessage[]> {
    const messageIds = asked.flatMap(({ withFiles }) => withFiles ?? []).reverse();
    if (messageIds.length === 0) return asked;
    // No character weighs under 0.2 tokens: more than this cannot be of use.
    const maxCharacters = documentTokens(this.#contextTokens) * 5;
    const texts = await this.#database.documents.ofMessages(
      messageIds.slice(0, maxMessagesWithFiles),
      maxCharacters,
    );
    return withDocuments(asked, texts, this.#contextTokens);
  }
}
