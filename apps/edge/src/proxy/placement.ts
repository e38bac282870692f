import { BalancerError, type FailureKind, type ServerInfo, type Ticket } from "@peregrine/balancer";
import type { Span } from "@peregrine/tracing";
import type { ResponseHead } from "../http/response-head.ts";
import { EdgeError } from "./edge-error.ts";
import { doubtMs, freshUpstreamMs, idleUpstreamMs, maxAttempts } from "./limits.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { RetryReason } from "./proxy-events.ts";
import { UnreachableError, type Upstream } from "./upstream.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";

/** Whose request is placed. */
export interface PlacementHost {
  /** There is a connection to a server: the request can go out on it. */
  placed(connection: UpstreamConnection): void;
  /** The server is given up, and its connection with it. */
  displaced(): void;
  /** No server is left to try. */
  unplaced(error: EdgeError): void;
}

type PlacementOptions = {
  /** Whether sending the request twice does no harm. */
  readonly mayRepeat: boolean;
  /** Of the request, told where it went. */
  readonly span: Span | undefined;
  /** The server that the request is on already, where this is the second try beside it. */
  readonly hedgeOf: string | undefined;
};

/**
 * Finds a server for one request, and a connection to it; and another one when that fails, as long
 * as nothing of an answer has come, and only for what may be done twice or was never sent. Holds one
 * ticket at a time and ends it, whatever happens.
 */
export class Placement {
  readonly #context: ProxyContext;
  readonly #host: PlacementHost;
  readonly #mayRepeat: boolean;
  readonly #span: Span | undefined;
  readonly #isHedge: boolean;
  #ticket: Ticket | undefined;
  #upstream: Upstream | undefined;
  #attempts = 0;
  #tried: string[] = [];
  #choosing: AbortController | undefined;
  /** Whether anything of the request may have reached the server that it is placed on. */
  #isSent = false;
  #isAnswered = false;
  /** Whether another placement tries for the same client, so that this one does not try again. */
  isBeside = false;
  #doubtedMs = 0;
  #waitedMs = 0;

  constructor(context: ProxyContext, host: PlacementHost, options: PlacementOptions) {
    const { mayRepeat, span, hedgeOf } = options;
    this.#context = context;
    this.#host = host;
    this.#mayRepeat = mayRepeat;
    this.#span = span;
    this.#isHedge = hedgeOf !== undefined;
    if (hedgeOf !== undefined) {
      this.#tried = [hedgeOf];
      // It goes to one server, and to no other where that fails.
      this.#attempts = maxAttempts - 1;
    }
  }

  get server(): ServerInfo | undefined {
    return this.#ticket?.server;
  }

  /** What Host says where the request had none. */
  get authority(): string {
    return this.#upstream?.authority ?? "";
  }

  begin(): void {
    if (!this.#isHedge) this.#context.budget.request();
    this.#attempt();
  }

  /** Header lines for this server alone. */
  get question(): string {
    const { loadReports } = this.#context;
    if (loadReports === undefined || this.#ticket === undefined) return "";
    return loadReports.question(this.#ticket.server, this.#ticket.startedAtMs);
  }

  /** What the server answers, whether that is used or another one is asked. */
  told({ status, loadReport }: ResponseHead): void {
    const server = this.#ticket?.server;
    if (server === undefined) return;
    this.#context.events.onServerAnswer?.(server, status);
    if (loadReport !== undefined) this.#context.loadReports?.take(server, loadReport);
  }

  /** An answer has begun, and so it is this server's to give. */
  answered(): void {
    this.#isAnswered = true;
    this.#ticket?.firstByte();
  }

  /** The connection goes on as a tunnel, which whoever waits for the server's quiet does not wait for. */
  upgraded(): void {
    this.answered();
    this.#upstream?.ended();
    this.#upstream = undefined;
  }

  /** The answer is complete. @param connection good for another request, if there is one */
  succeeded(connection: UpstreamConnection | undefined): void {
    if (connection !== undefined) this.#upstream?.give(connection, performance.now());
    this.#ticket?.succeed();
    this.end();
  }

  /** The server failed, and no other can be tried any more. */
  fail(kind: FailureKind): void {
    this.#ticket?.fail(kind);
    this.end();
  }

  /**
   * The server failed before its answer began.
   *
   * @param kind undefined where it says nothing of the server: a connection that had rested was dead
   * @param words what was met, for whoever runs the door; the client is told the error alone
   */
  failed(kind: FailureKind | undefined, error: EdgeError, words?: string): void {
    const maySendAgain = this.#mayRepeat || kind === "unreachable";
    if (kind === undefined) this.#upstream?.distrustResting();
    this.#leave(kind, words);
    if (maySendAgain && this.#takeRetry(kind ?? "closed")) this.#attempt();
    else this.#host.unplaced(error);
  }

  /** Whether a server that is well has not been tried yet. */
  get hasOther(): boolean {
    const tried = new Set([...this.#tried, this.#ticket?.server.id]);
    const { servers } = this.#context.pool.snapshot();
    return servers.some(({ id, state }) => state === "up" && !tried.has(id));
  }

  /**
   * Tries another server where that is allowed.
   *
   * @param kind undefined where it is no illness of the server
   * @returns whether it does
   */
  tryElsewhere(kind: FailureKind | undefined, reason: RetryReason): boolean {
    const maySendAgain = this.#mayRepeat || !this.#isSent;
    if (!maySendAgain || this.#isAnswered || !this.#takeRetry(reason)) return false;
    this.#leave(kind);
    this.#attempt();
    return true;
  }

  /** The server has been silent for long: if it does not answer anything, another is tried. */
  doubt(nowMs: number): void {
    const ticket = this.#ticket;
    const upstream = this.#upstream;
    if (!this.#mayRepeat || ticket === undefined || upstream === undefined) return;
    if (this.#attempts >= maxAttempts || nowMs < this.#doubtedMs) return;
    this.#doubtedMs = nowMs + 4 * doubtMs;
    upstream
      .isAlive()
      .then((isAlive) => {
        if (!isAlive && this.#ticket === ticket) this.tryElsewhere("timeout", "timeout");
      })
      .catch((error: unknown) => this.#fault(error));
  }

  /** Gives everything back; a ticket without a verdict says nothing of its server. */
  end(): void {
    this.#choosing?.abort();
    this.#release();
  }

  #attempt(): void {
    this.#attempts++;
    this.#isSent = false;
    const demand = this.#tried.length === 0 ? undefined : { exclude: this.#tried };
    let ticket: Ticket | undefined;
    try {
      ticket = this.#context.pool.tryAcquire(demand);
    } catch (error) {
      this.#noServer(error);
      return;
    }
    if (ticket !== undefined) this.#use(ticket);
    else if (this.#isHedge) this.#host.unplaced(busy(1));
    else this.#wait(demand);
  }

  /** All servers that are well are at their limit. */
  #wait(demand: { exclude: string[] } | undefined): void {
    const choosing = new AbortController();
    this.#choosing = choosing;
    this.#context.pool
      .acquire({ ...demand, signal: choosing.signal })
      .then(
        (ticket) => {
          if (choosing.signal.aborted) ticket.release();
          else this.#use(ticket);
        },
        (error: unknown) => {
          if (!choosing.signal.aborted) this.#noServer(error);
        },
      )
      .catch((error: unknown) => this.#fault(error));
  }

  #noServer(error: unknown): void {
    if (!(error instanceof BalancerError)) throw error;
    const nobodyIsWell = error.code === "no_healthy_servers";
    if (nobodyIsWell && this.#tried.length > 0 && this.#attempts < maxAttempts) {
      // Back to one that failed us only where there is no other.
      this.#tried = [];
      this.#attempt();
      return;
    }
    const retryAfterSeconds = error.retryAfterSeconds ?? 1;
    this.#host.unplaced(
      nobodyIsWell
        ? new EdgeError("no_healthy_servers", "No server is able to answer now.", {
            retryAfterSeconds,
          })
        : busy(retryAfterSeconds),
    );
  }

  #use(ticket: Ticket): void {
    this.#ticket = ticket;
    // Others found it ill while we wait for it: no use in waiting for our own time limit.
    ticket.onServerLost = () => {
      if (this.#ticket === ticket) this.tryElsewhere(undefined, "lost");
    };
    if (this.#span !== undefined) this.#describe(this.#span, ticket);
    const upstream = this.#context.upstreams.of(ticket.server);
    this.#upstream = upstream;
    upstream.began();
    const maxRestMs = this.#mayRepeat ? idleUpstreamMs : freshUpstreamMs;
    const resting =
      this.#attempts > 1 && !this.#isHedge
        ? undefined
        : upstream.take(ticket.startedAtMs, maxRestMs);
    if (resting !== undefined) {
      this.#placed(resting);
      return;
    }
    upstream
      .connect()
      .then(
        (connection) => {
          if (this.#ticket === ticket) this.#placed(connection);
          else upstream.give(connection, performance.now());
        },
        (error: unknown) => {
          if (!(error instanceof UnreachableError)) throw error;
          if (this.#ticket !== ticket) return;
          this.failed(
            "unreachable",
            new EdgeError("server_unreachable", "No server could be reached."),
            error.message,
          );
        },
      )
      .catch((error: unknown) => this.#fault(error));
  }

  #placed(connection: UpstreamConnection): void {
    this.#isSent = true;
    this.#host.placed(connection);
  }

  #describe(span: Span, ticket: Ticket): void {
    this.#waitedMs += ticket.waitedMs;
    span.set("peregrine.server", ticket.server.id);
    span.set("peregrine.tries", this.#attempts);
    span.set("peregrine.queue_wait_ms", this.#waitedMs);
  }

  /** The budget is there to spare the servers: what no server has had yet is not charged to it. */
  #takeRetry(reason: RetryReason): boolean {
    if (this.isBeside || this.#attempts >= maxAttempts) return false;
    const { budget, events } = this.#context;
    if (!this.#isSent || budget.take(performance.now())) {
      events.onRetry?.(reason);
      return true;
    }
    events.onBudgetSpent?.();
    return false;
  }

  #leave(kind: FailureKind | undefined, words?: string): void {
    if (this.#ticket !== undefined) {
      this.#tried.push(this.#ticket.server.id);
      if (kind !== undefined) this.#ticket.fail(kind, { words });
    }
    this.#release();
    this.#host.displaced();
  }

  #release(): void {
    const ticket = this.#ticket;
    this.#ticket = undefined;
    if (ticket !== undefined) {
      ticket.onServerLost = undefined;
      ticket.release();
    }
    this.#upstream?.ended();
    this.#upstream = undefined;
  }

  /** A fault of ours, met where nobody else is there to catch it. */
  #fault(error: unknown): void {
    this.#context.events.onFault(error as Error);
    this.end();
    this.#host.unplaced(new EdgeError("bad_answer", "Something went wrong here."));
  }
}

function busy(retryAfterSeconds: number): EdgeError {
  return new EdgeError("overloaded", "All servers are busy now.", { retryAfterSeconds });
}
