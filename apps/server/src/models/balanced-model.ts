import {
  BalancerError,
  Pool,
  type PoolEvents,
  RetryBudget,
  type ServerInfo,
  type Ticket,
} from "@peregrine/balancer";
import { AnswerProgress } from "./answer-progress.ts";
import { AnswerSeam } from "./answer-seam.ts";
import type { WayToContinue } from "./continue-with.ts";
import type { Model, ModelEvent, ModelRequest } from "./model.ts";
import { ModelError } from "./model-error.ts";
import type { ModelServerEntry } from "./model-server-list.ts";
import type { OpenAiModel } from "./openai-model.ts";
import { noServerError, verdictOf } from "./server-verdict.ts";
import { Telling } from "./telling.ts";

export type ServerFailure = {
  /** What figures call the server: its address, or where that has several keys, which of them. */
  server: string;
  error: ModelError;
  /** Whether another server was asked instead. */
  failedOver: boolean;
  /** Whether that one was asked to go on with what had come. */
  continued: boolean;
};

export type Balancing = {
  /** Answers under way on each server; no limit when left out. */
  maxInFlight?: number | undefined;
  /** How long a question may wait for a server with room, or for one that cools down: 30 s. */
  maxWaitMs?: number | undefined;
  /** How a server whose entry does not say is asked to go on with an answer: `off`. */
  continueWith?: WayToContinue | undefined;
  events?: PoolEvents | undefined;
  /** So many tokens came from a server. */
  onTokens?: ((server: ServerInfo, count: number) => void) | undefined;
};

type Options = Balancing & {
  /** How long a first token may take; what the balancer finds slow or stuck is measured by it. */
  firstTokenMs: number;
  onFailure?: ((failure: ServerFailure) => void) | undefined;
};

type ServerOfPool = ModelServerEntry & { host: string; model: OpenAiModel };

/** What an answer is expected to be until it has ended; above it, it counts as one token to come. */
const typicalAnswerTokens = 500;

/** Where a server dies, this many questions that wait there go elsewhere at once. */
const retryReserve = 100;

/**
 * One model out of several servers. A conversation stays with the server that has its beginning
 * warm, until that one is ill, cools down, is full, or has more than its share of tokens still to
 * come. A question that fails before any of its answer was given out goes to a server that it has
 * not tried, once each; one that waits on a server found ill by others moves at once.
 *
 * What breaks off later goes on where a server can be asked to (`continueWith`), up to three times:
 * on another one, or on the same where there is no other, since one address may stand for several.
 * Else it is the answer's failure, since a second server would write another answer.
 *
 * Failures put a server aside, a refused connection at once, for 2 s and up to 15; one question
 * then tries it out. A 429 sets it aside for as long as its Retry-After says. An entry has one key,
 * so that is by key: the same address with another key is an entry of its own. What all servers
 * together have no room for waits in line, people before background work.
 */
export class BalancedModel implements Model {
  readonly #pool: Pool;
  readonly #servers: ReadonlyMap<string, ServerOfPool>;
  readonly #continueWith: WayToContinue;
  /** Ids of servers that cannot be asked to go on. */
  readonly #onlyBegin: readonly string[];
  readonly #retries = new RetryBudget({ reserve: retryReserve }, performance.now());
  readonly #onFailure: (failure: ServerFailure) => void;
  readonly #onTokens: Balancing["onTokens"];

  constructor(servers: readonly ServerOfPool[], options: Options) {
    const { firstTokenMs } = options;
    this.#pool = new Pool({
      servers: servers.map(({ server }) => server),
      algorithm: "affinity",
      sharesAddress: true,
      maxInFlight: options.maxInFlight,
      queue: { maxWaitMs: options.maxWaitMs ?? 30_000 },
      // A long prompt takes a well server seconds. To try a dead one costs little, so it is put
      // aside for a short while only: a model server that restarts is missed when it is the only one.
      ejection: { stallMs: firstTokenMs / 2, slowByMs: firstTokenMs / 6, maxMs: 15_000 },
      events: options.events,
    });
    this.#servers = new Map(servers.map((each) => [each.server.id, each]));
    this.#continueWith = options.continueWith ?? "off";
    this.#onlyBegin = servers
      .filter((each) => this.#wayOf(each) === "off")
      .map(({ server }) => server.id);
    this.#onFailure = options.onFailure ?? (() => {});
    this.#onTokens = options.onTokens;
  }

  /** For administrators: how the servers stand, and to take them out. */
  get pool(): Pick<Pool, "snapshot" | "drain" | "undrain"> {
    return this.#pool;
  }

  /** Questions that wait for a server. */
  get queued(): number {
    const { interactive, background } = this.#pool.snapshot().waiting;
    return interactive + background;
  }

  async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    this.#retries.request();
    const progress = new AnswerProgress();
    const telling = new Telling(request);
    try {
      for (;;) {
        const ticket = await this.#ticketFor(request, progress, signal);
        try {
          yield* this.#ask(ticket, request, progress, telling, signal);
          return;
        } catch (error) {
          if (!(error instanceof ModelError)) throw error;
          this.#failed(error, ticket, progress);
        } finally {
          ticket.release();
        }
      }
    } catch (error) {
      telling.failed(error);
      throw error;
    } finally {
      progress.next?.release();
      telling.over();
    }
  }

  /** Turns away whoever waits. Answers under way go on. */
  close(): void {
    this.#pool.close();
  }

  /** Asks one server for the answer, or for the rest of it. */
  async *#ask(
    ticket: Ticket,
    request: ModelRequest,
    progress: AnswerProgress,
    telling: Telling,
    signal: AbortSignal,
  ): AsyncGenerator<ModelEvent> {
    const { answer } = progress;
    const server = this.#serverOf(ticket);
    const way = this.#wayOf(server);
    const seam = new AnswerSeam(answer.text(), way);
    const continuation = seam.sent === "" || way === "off" ? undefined : { way, text: seam.sent };
    const asked = answer.isEmpty ? request : withTokensLeft(request, answer.tokens);
    answer.beginPart();

    const attempt = new AbortController();
    const abort = () => attempt.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    ticket.onServerLost = () => this.#move(ticket, request, progress, attempt);
    const onTokens = (count: number) => {
      answer.countTokens(count);
      ticket.firstByte();
      ticket.addCost(-count);
      this.#onTokens?.(ticket.server, count);
    };
    try {
      const options = { onTokens, continuation };
      for await (const event of server.model.stream(asked, attempt.signal, options)) {
        // What came in the moment in which it moved was given to nobody.
        if (!answer.hasGrown) attempt.signal.throwIfAborted();
        if (event.type === "delta") {
          const text = seam.push(event.text);
          if (text === "") continue;
          answer.append(text);
          yield telling.event(text === event.text ? event : { type: "delta", text });
        } else {
          const text = seam.end();
          if (text !== "") yield telling.event({ type: "delta", text });
          yield telling.event(event.type === "usage" ? answer.total(event) : event);
        }
      }
      ticket.succeed();
    } finally {
      ticket.onServerLost = undefined;
      signal.removeEventListener("abort", abort);
    }
  }

  /** A server is found ill before it said anything: whoever waits there goes where there is room. */
  #move(
    ticket: Ticket,
    request: ModelRequest,
    progress: AnswerProgress,
    attempt: AbortController,
  ): void {
    if (attempt.signal.aborted) return;
    let next: Ticket | undefined;
    try {
      const demand = this.#demand(request, progress);
      const exclude = [...demand.exclude, ticket.server.id];
      next = this.#pool.tryAcquire({ ...demand, exclude });
    } catch {
      return; // nobody else can answer it, so it is better off where it is
    }
    if (!this.#retries.take(performance.now())) {
      next?.release();
      return;
    }
    progress.next = next;
    const message = "The model server was found ill while it was waited for.";
    progress.moved = new ModelError("model_timeout", message, { isServerIll: false });
    attempt.abort(progress.moved);
  }

  /** @throws ModelError what a person is told, where nobody else is to be asked */
  #failed(error: ModelError, ticket: Ticket, progress: AnswerProgress): void {
    const verdict = verdictOf(error);
    if (verdict) ticket.fail(verdict, { retryAfterMs: error.retryAfterMs });
    progress.failed(ticket.server.id, error);
    const isAnybodyAble = this.#onlyBegin.length < this.#servers.size || !progress.isToBeContinued;
    if (isAnybodyAble && progress.mayGoOn(error)) {
      // To move was paid for when it was decided.
      if (error === progress.moved || this.#retries.take(performance.now())) return;
    }
    this.#tell(progress, false);
    throw progress.interruption ?? error;
  }

  /** @throws ModelError: what failed before, where there was something, or why there is no server */
  async #ticketFor(
    request: ModelRequest,
    progress: AnswerProgress,
    signal: AbortSignal,
  ): Promise<Ticket> {
    try {
      const ticket = progress.next ?? (await this.#acquire(request, progress, signal));
      progress.next = undefined;
      this.#tell(progress, true);
      return ticket;
    } catch (error) {
      this.#tell(progress, false);
      if (!(error instanceof BalancerError)) throw error;
      throw progress.interruption ?? progress.failure?.error ?? noServerError(error, request.model);
    }
  }

  async #acquire(
    request: ModelRequest,
    progress: AnswerProgress,
    signal: AbortSignal,
  ): Promise<Ticket> {
    const demand = this.#demand(request, progress);
    try {
      return await this.#pool.acquire({ ...demand, signal });
    } catch (error) {
      if (!(error instanceof BalancerError) || !progress.mayGoBack) throw error;
      // One address may stand for several servers.
      const again = this.#pool.tryAcquire({ ...demand, exclude: this.#onlyBegin });
      if (!again) throw error;
      return again;
    }
  }

  #demand({ conversationId, model, priority, maxTokens }: ModelRequest, progress: AnswerProgress) {
    return {
      key: conversationId,
      model,
      priority,
      cost: Math.min(maxTokens ?? typicalAnswerTokens, typicalAnswerTokens),
      exclude: progress.isToBeContinued ? [...progress.tried, ...this.#onlyBegin] : progress.tried,
    };
  }

  #tell({ failure, interruption }: AnswerProgress, failedOver: boolean): void {
    if (!failure) return;
    this.#onFailure({
      ...failure,
      failedOver,
      continued: failedOver && interruption !== undefined,
    });
  }

  #serverOf(ticket: Ticket): ServerOfPool {
    return this.#servers.get(ticket.server.id) as ServerOfPool;
  }

  #wayOf({ continueWith }: ServerOfPool): WayToContinue {
    return continueWith ?? this.#continueWith;
  }
}

function withTokensLeft(request: ModelRequest, used: number): ModelRequest {
  if (request.maxTokens === undefined) return request;
  return { ...request, maxTokens: Math.max(1, request.maxTokens - used) };
}
