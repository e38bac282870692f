import type { AnswerChannel, Client } from "./client.ts";
import type { EdgeError } from "./edge-error.ts";
import type { Exchange } from "./exchange.ts";
import type { AnswerSource } from "./proxy-events.ts";

/** What becomes of the others that run for the same client. */
export type Race = {
  readonly isWinner: () => boolean;
  /** It failed. @returns whether another one may still answer */
  readonly lost: () => boolean;
};

/**
 * One of several exchanges that run for one client: its client as that exchange sees it, of which
 * only what the winner does reaches the real one.
 */
export class Runner implements Client {
  readonly exchange: Exchange;
  readonly isHedge: boolean;
  readonly requestedMs: number;
  readonly #client: Client;
  readonly #race: Race;
  readonly #quiet: AnswerChannel;

  /** @param open its exchange, which is not to begin yet */
  constructor(client: Client, isHedge: boolean, race: Race, open: (self: Client) => Exchange) {
    this.isHedge = isHedge;
    this.requestedMs = client.requestedMs;
    this.#client = client;
    this.#race = race;
    this.#quiet = {
      get isBlocked() {
        return client.channel.isBlocked;
      },
      isStuck: () => false,
      // What comes before an answer (103 Early Hints) is passed on from the first try alone.
      write(text) {
        if (!isHedge) client.channel.write(text);
      },
    };
    this.exchange = open(this);
  }

  get channel(): AnswerChannel {
    return this.#race.isWinner() ? this.#client.channel : this.#quiet;
  }

  get peer(): Client["peer"] {
    return this.#client.peer;
  }

  /** The winner's server is written into it, and the first one's as long as there is no other. */
  get span(): Client["span"] {
    return this.isHedge ? undefined : this.#client.span;
  }

  held(): undefined {
    return undefined;
  }

  consumed(): void {}

  wantsMore(): void {}

  begins(source: AnswerSource, status: number): void {
    this.#client.begins(source, status);
  }

  mayKeepAlive(): boolean {
    return this.#client.mayKeepAlive();
  }

  handOver(): void {}

  finished(keepsAlive: boolean): void {
    if (this.#race.isWinner()) this.#client.finished(keepsAlive);
  }

  refused(error: EdgeError, options: { isHead: boolean; keepsAlive: boolean }): void {
    if (!this.#race.lost()) this.#client.refused(error, options);
  }

  broke(): void {
    if (this.#race.isWinner() || !this.#race.lost()) this.#client.broke();
  }
}
