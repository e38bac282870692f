import type { RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { AnswerSink } from "./answer-writer.ts";
import type { Client, ClientUser } from "./client.ts";
import { type AnswerTaker, Exchange, worthRepeating } from "./exchange.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { Runner } from "./runner.ts";

/**
 * A read that is sent to a second server as well where the first has not begun to answer in time.
 * Whichever answers first is passed on, and the other is cut. The second try comes out of the budget
 * for such and does not wait in line. While both run, one that fails, or says 502, 503 or 504, leaves
 * it to the other and is not tried again.
 */
export class HedgedExchange implements ClientUser {
  readonly #context: ProxyContext;
  readonly #client: Client;
  readonly #head: RequestHead;
  readonly #taker: AnswerTaker | undefined;
  readonly #running = new Set<Runner>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #winner: Runner | undefined;

  constructor(context: ProxyContext, client: Client, head: RequestHead, taker?: AnswerTaker) {
    this.#context = context;
    this.#client = client;
    this.#head = head;
    this.#taker = taker;
  }

  begin(): void {
    this.#timer = setTimeout(() => this.#hedge(), this.#context.limits.hedgeAfterMs);
    this.#run(undefined);
  }

  // What the client says

  /** A read has no body: what comes is the next request. */
  fromClient(): void {}

  clientDrained(): void {
    this.#winner?.exchange.clientDrained();
  }

  clientLeft(): void {
    clearTimeout(this.#timer);
    for (const runner of this.#running) runner.exchange.clientLeft();
    this.#running.clear();
  }

  sweep(nowMs: number): void {
    for (const { exchange } of this.#running) exchange.sweep(nowMs);
  }

  /** @param hedgeOf the server that is waited for; undefined for the first try */
  #run(hedgeOf: string | undefined): void {
    const race = {
      isWinner: () => this.#winner === runner,
      lost: () => this.#lost(runner),
    };
    const take = (head: ResponseHead) => this.#take(runner, head);
    const open = (client: Client) =>
      new Exchange(this.#context, client, this.#head, { take }, hedgeOf);
    const runner: Runner = new Runner(this.#client, hedgeOf !== undefined, race, open);
    this.#running.add(runner);
    runner.exchange.begin();
  }

  #hedge(): void {
    const { budget, events } = this.#context;
    const [first] = this.#running;
    const server = first?.exchange.awaited;
    if (this.#winner !== undefined || server === undefined || !first?.exchange.hasOther) return;
    if (!budget.take(performance.now())) {
      events.onBudgetSpent?.();
      return;
    }
    events.onHedge?.();
    this.#client.span?.set("peregrine.hedged", true);
    this.#run(server.id);
    this.#tellBeside();
  }

  #take(runner: Runner, head: ResponseHead): AnswerSink | ResponseHead {
    if (this.#running.size > 1 && worthRepeating.has(head.status)) {
      this.#running.delete(runner);
      this.#tellBeside();
      queueMicrotask(() => runner.exchange.clientLeft());
      return nobody;
    }
    clearTimeout(this.#timer);
    this.#winner = runner;
    for (const other of this.#running) {
      if (other === runner) continue;
      this.#running.delete(other);
      other.exchange.clientLeft();
    }
    if (runner.isHedge) {
      this.#context.events.onHedgeWon?.();
      this.#client.span?.set("peregrine.server", runner.exchange.awaited?.id ?? "");
    }
    return this.#taker?.take(head) ?? head;
  }

  /** @returns whether the other one is still waited for */
  #lost(runner: Runner): boolean {
    this.#running.delete(runner);
    clearTimeout(this.#timer);
    this.#tellBeside();
    return this.#running.size > 0;
  }

  #tellBeside(): void {
    for (const { exchange } of this.#running) exchange.isBeside = this.#running.size > 1;
  }
}

/** Where an answer goes that nobody waits for any more. */
const nobody: AnswerSink = {
  isDone: false,
  pass: (bytes) => bytes.length,
  serverEnded() {},
};
