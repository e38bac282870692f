import {
  BalancerError,
  Pool,
  type PoolEvents,
  RetryBudget,
  type Ticket,
} from "@peregrine/balancer";
import type { Model, ModelEvent, ModelRequest } from "./model.ts";
import { ModelError } from "./model-error.ts";
import type { ModelServerEntry } from "./model-server-list.ts";
import type { OpenAiModel } from "./openai-model.ts";
import { noServerError, verdictOf } from "./server-verdict.ts";

export type ServerFailure = {
  /** Host and port of the server. */
  server: string;
  error: ModelError;
  /** Whether another server was asked instead. */
  failedOver: boolean;
};

export type Balancing = {
  /** Answers under way on each server; no limit when left out. */
  maxInFlight?: number | undefined;
  /** How long a question may wait for a server with room, or for one that cools down: 30 s. */
  maxWaitMs?: number | undefined;
  events?: PoolEvents | undefined;
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
 * not tried, once each; what fails later is the answer's failure, since a second server would write
 * another answer.
 *
 * Failures put a server aside, a refused connection at once, for 2 s and up to 15; one question
 * then tries it out. A 429 sets it aside for as long as its Retry-After says. An entry has one key,
 * so a server that refuses it is left alone as a whole. What all servers together have no room for
 * waits in line, people before background work.
 */
export class BalancedModel implements Model {
  readonly #pool: Pool;
  readonly #servers: ReadonlyMap<string, ServerOfPool>;
  readonly #retries = new RetryBudget({ reserve: retryReserve }, performance.now());
  readonly #onFailure: (failure: ServerFailure) => void;

  constructor(servers: readonly ServerOfPool[], options: Options) {
    const { firstTokenMs } = options;
    this.#pool = new Pool({
      servers: servers.map(({ server }) => server),
      algorithm: "affinity",
      maxInFlight: options.maxInFlight,
      queue: { maxWaitMs: options.maxWaitMs ?? 30_000 },
      // A long prompt takes a well server seconds. To try a dead one costs little, so it is put
      // aside for a short while only: a model server that restarts is missed when it is the only one.
      ejection: { stallMs: firstTokenMs / 2, slowByMs: firstTokenMs / 6, maxMs: 15_000 },
      events: options.events,
    });
    this.#servers = new Map(servers.map((each) => [each.server.id, each]));
    this.#onFailure = options.onFailure ?? (() => {});
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
    const tried: string[] = [];
    let failure: Omit<ServerFailure, "failedOver"> | undefined;
    for (;;) {
      const ticket = await this.#ticketFor(request, signal, tried, failure);
      const { host, model } = this.#servers.get(ticket.server.id) as ServerOfPool;
      tried.push(ticket.server.id);
      let hasBegun = false;
      try {
        const count = (tokens: number) => countTokens(ticket, tokens);
        for await (const event of model.stream(request, signal, count)) {
          hasBegun = true;
          yield event;
        }
        ticket.succeed();
        return;
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        const verdict = verdictOf(error);
        if (verdict) ticket.fail(verdict, { retryAfterMs: error.retryAfterMs });
        failure = { server: host, error };
        if (hasBegun || !error.isServerAtFault || !this.#retries.take(performance.now())) {
          this.#onFailure({ ...failure, failedOver: false });
          throw error;
        }
      } finally {
        ticket.release();
      }
    }
  }

  /** Turns away whoever waits. Answers under way go on. */
  close(): void {
    this.#pool.close();
  }

  /** @throws ModelError: what failed before, where there was something, or why there is no server */
  async #ticketFor(
    { conversationId, model, priority, maxTokens }: ModelRequest,
    signal: AbortSignal,
    tried: readonly string[],
    failure: Omit<ServerFailure, "failedOver"> | undefined,
  ): Promise<Ticket> {
    try {
      const ticket = await this.#pool.acquire({
        key: conversationId,
        model,
        priority,
        cost: Math.min(maxTokens ?? typicalAnswerTokens, typicalAnswerTokens),
        exclude: tried,
        signal,
      });
      if (failure) this.#onFailure({ ...failure, failedOver: true });
      return ticket;
    } catch (error) {
      if (failure) this.#onFailure({ ...failure, failedOver: false });
      if (!(error instanceof BalancerError)) throw error;
      throw failure?.error ?? noServerError(error, model);
    }
  }
}

function countTokens(ticket: Ticket, tokens: number): void {
  ticket.firstByte();
  ticket.addCost(-tokens);
}
