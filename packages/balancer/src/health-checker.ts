import type { Clock } from "./clock.ts";
import { judgeReadyAnswer, type ProbeAnswer, type ProbeVerdict } from "./ready-answer.ts";
import type { Server } from "./server.ts";
import type { ServerInfo } from "./ticket.ts";

/** Asks one server whether it is ready; gives up when the signal says so. */
export type Probe = (server: ServerInfo, signal: AbortSignal) => Promise<ProbeAnswer>;

export interface HealthCheckOptions {
  readonly probe: Probe;
  readonly apiVersion: string | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Good probes in a row that bring a server up, and bad ones that take it down. */
  readonly up: number;
  readonly down: number;
  readonly maxConcurrent: number;
}

export interface HealthCheckHost {
  probed(server: Server, verdict: ProbeVerdict, durationMs: number): void;
}

/** Between the first sign of a change and its proof, and while down, we look more often. */
const doubtIntervalMs = 1000;
const downIntervalMs = 5000;
const jitterFraction = 0.1;

interface Watch {
  readonly server: Server;
  cancelTimer: () => void;
  abort: (() => void) | undefined;
  goodInARow: number;
  badInARow: number;
  asked: boolean;
}

/**
 * Probes each server on its own timer. The first probe goes out at once; the next ones are spread
 * over the interval at random and jittered, with at most `maxConcurrent` under way, so that a fleet
 * is never asked all at once. The first answer settles a new server's state; after that it takes
 * `up` or `down` answers in a row. Owns its timers and running probes until `close`.
 */
export class HealthChecker {
  readonly #options: HealthCheckOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #host: HealthCheckHost;
  readonly #watches = new Map<Server, Watch>();
  readonly #line: Watch[] = [];
  #running = 0;

  constructor(
    options: HealthCheckOptions,
    clock: Clock,
    random: () => number,
    host: HealthCheckHost,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#host = host;
  }

  /** When a server that is down is asked again, at the latest. */
  get downIntervalMs(): number {
    return Math.min(this.#options.intervalMs, downIntervalMs);
  }

  watch(server: Server): void {
    const watch: Watch = {
      server,
      cancelTimer: () => {},
      abort: undefined,
      goodInARow: 0,
      badInARow: 0,
      asked: false,
    };
    this.#watches.set(server, watch);
    this.#ask(watch);
  }

  unwatch(server: Server): void {
    const watch = this.#watches.get(server);
    if (watch === undefined) return;
    this.#watches.delete(server);
    watch.cancelTimer();
    watch.abort?.();
  }

  /** Asks after this long instead of when its turn comes, as when an ejection ends. */
  askIn(server: Server, delayMs: number): void {
    const watch = this.#watches.get(server);
    if (watch !== undefined) this.#askIn(watch, delayMs);
  }

  close(): void {
    for (const server of [...this.#watches.keys()]) this.unwatch(server);
  }

  #askIn(watch: Watch, delayMs: number): void {
    watch.cancelTimer();
    watch.cancelTimer = this.#clock.after(delayMs, () => this.#ask(watch));
  }

  #ask(watch: Watch): void {
    if (watch.abort !== undefined || this.#line.includes(watch)) return;
    this.#line.push(watch);
    this.#startNext();
  }

  #startNext(): void {
    while (this.#running < this.#options.maxConcurrent) {
      const watch = this.#line.shift();
      if (watch === undefined) return;
      if (!this.#isWatched(watch)) continue;
      this.#running++;
      // The run below never rejects: a failing probe is an answer too.
      void this.#run(watch).finally(() => {
        this.#running--;
        this.#startNext();
      });
    }
  }

  async #run(watch: Watch): Promise<void> {
    const startedMs = this.#clock.now();
    const verdict = await this.#probe(watch);
    if (!this.#isWatched(watch)) return;
    this.#count(watch, verdict);
    this.#askIn(watch, this.#nextDelayMs(watch));
    this.#host.probed(watch.server, verdict, this.#clock.now() - startedMs);
  }

  async #probe(watch: Watch): Promise<ProbeVerdict> {
    const { probe, timeoutMs, apiVersion } = this.#options;
    const controller = new AbortController();
    const givenUp = Promise.withResolvers<never>();
    const giveUp = (words: string) => {
      givenUp.reject(new Error(words));
      controller.abort();
    };
    const cancelTimer = this.#clock.after(timeoutMs, () =>
      giveUp(`no answer within ${timeoutMs} ms`),
    );
    watch.abort = () => giveUp("no longer watched");
    try {
      const answer = await Promise.race([probe(watch.server, controller.signal), givenUp.promise]);
      return judgeReadyAnswer(answer, apiVersion);
    } catch (error) {
      return { outcome: "failed", words: error instanceof Error ? error.message : String(error) };
    } finally {
      cancelTimer();
      watch.abort = undefined;
    }
  }

  #count(watch: Watch, verdict: ProbeVerdict): void {
    const { server } = watch;
    const good = verdict.outcome === "ready";
    watch.goodInARow = good ? watch.goodInARow + 1 : 0;
    watch.badInARow = good ? 0 : watch.badInARow + 1;
    if (server.verdict === "unknown") server.verdict = good ? "up" : "down";
    else if (verdict.outcome === "refused") server.verdict = "down";
    else if (watch.goodInARow >= this.#options.up) server.verdict = "up";
    else if (watch.badInARow >= this.#options.down) server.verdict = "down";
  }

  #nextDelayMs(watch: Watch): number {
    const { intervalMs } = this.#options;
    const { server, goodInARow, badInARow, asked } = watch;
    watch.asked = true;
    const inDoubt = server.verdict === "down" ? goodInARow > 0 : badInARow > 0;
    if (inDoubt) return this.#jitter(Math.min(intervalMs, doubtIntervalMs));
    if (server.verdict === "down") return this.#jitter(this.downIntervalMs);
    return asked ? this.#jitter(intervalMs) : intervalMs * this.#random();
  }

  #jitter(delayMs: number): number {
    return delayMs * (1 + jitterFraction * (2 * this.#random() - 1));
  }

  #isWatched(watch: Watch): boolean {
    return this.#watches.get(watch.server) === watch;
  }
}
