import { createAlgorithm } from "./algorithms/create-algorithm.ts";
import { costOf, type Demand } from "./demand.ts";
import { BalancerError } from "./errors.ts";
import { HealthChecker } from "./health-checker.ts";
import type { LoadReport } from "./load-report.ts";
import { type EjectionReason, PassiveHealth } from "./passive-health.ts";
import { type PoolOptions, type PoolSettings, readPoolOptions } from "./pool-options.ts";
import type { ProbeVerdict } from "./ready-answer.ts";
import { type ListChange, Roster } from "./roster.ts";
import type { Server } from "./server.ts";
import type { ServerSpec } from "./server-list.ts";
import { findShortage } from "./shortage.ts";
import { type PoolSnapshot, takeSnapshot } from "./snapshot.ts";
import { type FailureDetails, Ticket, type TicketEnd, type TicketHost } from "./ticket.ts";
import { WaitingRoom } from "./waiting-room.ts";

export interface AcquireOptions extends Demand {
  /** Stops waiting for a server; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const nothingAsked: AcquireOptions = {};

/**
 * A failed try is no quick answer. Without this a server that fails at once, and may not be ejected
 * because too many are, would be the fastest of all and draw the traffic.
 */
const failureCountsAsMs = 1000;

/**
 * Servers that can stand in for each other, and the choice between them. `acquire` gives a ticket
 * for one of them at once, waits in a bounded line while all are at their limit, and throws
 * `no_healthy_servers` at once when nobody is well. What the ticket's holder reports, what probes
 * answer and what servers say of themselves decides who is chosen next.
 *
 * Servers come, drain and go while requests run; a ticket stays good until it ends, whatever
 * becomes of its server. Owns its probes and timers until `close`.
 */
export class Pool {
  readonly #settings: PoolSettings;
  readonly #roster: Roster;
  readonly #room: WaitingRoom;
  readonly #passive: PassiveHealth;
  readonly #checker: HealthChecker | undefined;
  readonly #ticketHost: TicketHost;
  #isClosed = false;

  constructor(options: PoolOptions) {
    const settings = readPoolOptions(options);
    this.#settings = settings;
    this.#passive = new PassiveHealth(settings.passive, (server, reason, words) =>
      this.#eject(server, reason, words),
    );
    this.#checker =
      settings.health &&
      new HealthChecker(settings.health, settings.clock, settings.random, {
        probed: (server, verdict, durationMs) => this.#probed(server, verdict, durationMs),
      });
    const algorithm = createAlgorithm(options.algorithm ?? "peak_ewma", settings);
    this.#roster = new Roster(settings, algorithm, {
      joined: (server) => this.#joined(server),
      left: (server) => this.#checker?.unwatch(server),
    });
    this.#room = new WaitingRoom(settings, {
      choose: (demand, now) => this.#roster.choose(demand, now),
      issue: (server, demand, now, waitedMs) => this.#issue(server, demand, now, waitedMs),
      shortage: (demand, now) => this.#shortage(demand, now),
      refresh: () => this.#refresh(),
      nextChangeMs: () => this.#roster.nextChangeMs,
      coolUntilMs: (demand, now) => this.#roster.coolUntilMs(demand, now),
    });
    this.#ticketHost = {
      now: () => settings.clock.now(),
      firstByteCame: (server, ticket, latencyMs) => this.#firstByteCame(server, ticket, latencyMs),
      ticketEnded: (server, ticket, end, answered, details) =>
        this.#ticketEnded(server, ticket, end, answered, details),
    };
    this.#roster.open(options.servers);
  }

  /**
   * A ticket for a server, as soon as one has room. Rejects with `no_healthy_servers`,
   * `servers_cooling_down`, `model_not_offered`, `queue_full`, `queue_timeout` or `pool_closed`.
   */
  async acquire(options: AcquireOptions = nothingAsked): Promise<Ticket> {
    options.signal?.throwIfAborted();
    return this.tryAcquire(options) ?? this.#room.enter(options, options.signal);
  }

  /** The same without waiting: nothing when a server may come free. Throws when none will. */
  tryAcquire(demand: Demand = nothingAsked): Ticket | undefined {
    if (this.#isClosed) throw closedError();
    const now = this.#refresh();
    const server = this.#roster.choose(demand, now);
    if (server !== undefined) return this.#issue(server, demand, now, 0);
    const shortage = this.#shortage(demand, now);
    if (shortage !== undefined) throw shortage;
    return undefined;
  }

  /** Takes over a whole new list, or throws `invalid_servers` and changes nothing. */
  apply(list: readonly ServerSpec[]): ListChange {
    const change = this.#roster.apply(list, this.#now());
    this.#changed();
    return change;
  }

  /** Adds one server beside those that are there, or throws `invalid_servers`. */
  add(spec: ServerSpec): void {
    this.#roster.add(spec, this.#now());
    this.#changed();
  }

  /** Gives the server nothing new; resolves when the last that it has is over. */
  drain(id: string): Promise<void> {
    const server = this.#roster.find(id);
    server.draining = true;
    server.reason = "drained by hand";
    this.#changed();
    return server.whenIdle();
  }

  /** Takes a drained server back, with a slow start. */
  undrain(id: string): void {
    const server = this.#roster.find(id);
    if (!server.draining) return;
    server.draining = false;
    server.reason = "no longer drained";
    server.warmingSinceMs = this.#now();
    this.#changed();
  }

  /** Forgets the server at once; resolves when the last that it has is over. */
  remove(id: string): Promise<void> {
    const server = this.#roster.remove(id);
    this.#changed();
    return server.whenIdle();
  }

  /** Takes in what a server says of its own load, as from a header of its answers. */
  report(id: string, load: LoadReport): void {
    // The server may have been removed since it answered.
    const server = this.#roster.servers.find((each) => each.id === id);
    server?.takeReport(load, this.#now());
  }

  snapshot(): PoolSnapshot {
    const now = this.#refresh();
    return takeSnapshot(this.#roster.servers, this.#room, now);
  }

  /** Stops probes and timers and turns away whoever waits. Tickets that are out stay good. */
  close(): void {
    this.#isClosed = true;
    this.#checker?.close();
    this.#room.close(closedError());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #now(): number {
    return this.#settings.clock.now();
  }

  #issue(server: Server, demand: Demand, now: number, waitedMs: number): Ticket {
    const cost = costOf(demand);
    const ticket = new Ticket(server, this.#ticketHost, cost, demand.credential, now, waitedMs);
    this.#settings.events.onPick?.(server, waitedMs);
    return ticket;
  }

  #shortage(demand: Demand, now: number): BalancerError | undefined {
    return findShortage(this.#roster.servers, demand, now, {
      probed: this.#checker !== undefined,
      downIntervalMs: this.#checker?.downIntervalMs ?? 0,
      maxWaitMs: this.#settings.queue.maxWaitMs,
    });
  }

  #refresh(): number {
    const now = this.#now();
    this.#passive.sweep(this.#roster.servers, now);
    this.#roster.refresh(now);
    return now;
  }

  /** After each change of a server's state: whoever waits may have somewhere to go, or nowhere. */
  #changed(): void {
    this.#roster.markStale();
    const now = this.#refresh();
    if (this.#room.length > 0) this.#room.serveAll(now);
  }

  #joined(server: Server): void {
    server.latency.assume(this.#passive.medianMs ?? 0, this.#now());
    if (this.#checker === undefined) server.verdict = "up";
    else this.#checker.watch(server);
  }

  #firstByteCame(server: Server, ticket: Ticket, latencyMs: number): void {
    const now = this.#now();
    server.lastFirstByteAtMs = now;
    server.latency.observe(latencyMs, now);
    server.typical.observe(latencyMs);
    this.#settings.events.onFirstByte?.(server, latencyMs);
    if (server.trial === ticket) this.#restore(server, "passed its trial");
  }

  #ticketEnded(
    server: Server,
    ticket: Ticket,
    end: TicketEnd,
    answered: boolean,
    details: FailureDetails | undefined,
  ): void {
    const now = this.#now();
    const durationMs = now - ticket.startedAtMs;
    this.#settings.events.onEnd?.(server, end, durationMs);
    if (!answered && end !== "rate_limited") {
      const leastMs = end === "released" ? 0 : failureCountsAsMs;
      server.latency.observeAtLeast(Math.max(durationMs, leastMs), now);
    }
    if (end === "succeeded") {
      this.#passive.succeeded(server, ticket);
    } else if (end === "rate_limited") {
      const untilMs = now + (details?.retryAfterMs ?? this.#settings.cooldownMs);
      server.cooldown.cool(untilMs, ticket.credential);
      if (ticket.credential === undefined) {
        server.reason = "asked to be left alone for a while";
        this.#changed();
      }
    } else if (end !== "released") {
      this.#passive.failed(
        server,
        ticket,
        { kind: end, words: details?.words },
        this.#roster.servers,
        now,
      );
    }
    if (server.trial === ticket) server.trial = "free";
    if (this.#room.length > 0 && server.group !== undefined) this.#room.serveOne(server, now);
  }

  #eject(server: Server, reason: EjectionReason, words: string): void {
    const forMs = server.circuit.open(this.#now());
    server.trial = "none";
    server.failuresInARow = 0;
    server.typical.forget();
    server.reason = words;
    this.#settings.events.onEjection?.({ server, reason, forMs });
    this.#checker?.askIn(server, forMs);
    this.#changed();
    tellLost(server);
  }

  /** Closes the circuit; the latency that it had is forgotten, so that it gets a fair chance. */
  #restore(server: Server, words: string): void {
    const now = this.#now();
    server.circuit.close(now);
    server.trial = "none";
    server.warmingSinceMs = now;
    server.latency.assume(this.#passive.medianMs ?? 0, now);
    server.reason = words;
    this.#changed();
  }

  #probed(server: Server, verdict: ProbeVerdict, durationMs: number): void {
    const now = this.#now();
    const ok = verdict.outcome === "ready";
    const words = ok ? "" : verdict.words;
    this.#settings.events.onProbe?.({ server, ok, words, durationMs });
    if (ok && verdict.load !== undefined) server.takeReport(verdict.load, now);
    // A failed try counts as a slow answer, which keeps requests away for longer than it takes a
    // server to come back: a good probe is its proof that it has.
    if (ok && server.failuresInARow > 0) {
      server.latency.assume(Math.max(durationMs, this.#passive.medianMs ?? 0), now);
    }
    const circuit = server.circuit.state(now);
    const wentDown = server.verdict === "down" && server.announced !== "down";
    if (circuit === "open") {
      this.#checker?.askIn(server, (server.circuit.openUntilMs ?? now) - now);
    } else if (circuit === "trial" && !ok) {
      this.#eject(server, "trial", `its probe failed: ${words}`);
    } else if (circuit === "trial" || (server.verdict === "up" && server.announced === "down")) {
      this.#restore(server, "its probes succeed");
    }
    if (wentDown) server.reason = `its probe failed: ${words}`;
    this.#changed();
    if (wentDown) tellLost(server);
  }
}

/** Tells those who still wait for this server's first byte that they may go elsewhere. */
function tellLost(server: Server): void {
  for (const ticket of server.awaiting.all()) ticket.onServerLost?.();
}

function closedError(): BalancerError {
  return new BalancerError("pool_closed", "The pool of servers is closed");
}
