import type { Group } from "./candidates.ts";
import { Circuit, type CircuitOptions } from "./circuit.ts";
import { Cooldown } from "./cooldown.ts";
import { hashText } from "./hash.ts";
import { PeakLatency, TypicalLatency } from "./latency.ts";
import type { LoadReport } from "./load-report.ts";
import type { ServerSettings } from "./server-list.ts";
import { AwaitingTickets, type ServerInfo, type Ticket } from "./ticket.ts";

/**
 * - `unproven`: no probe has come back yet.
 * - `up`: takes requests.
 * - `trial`: was ejected, and takes one request to prove itself.
 * - `cooling`: asked to be left alone for a while.
 * - `ejected`: failed live requests, or was far slower than the others.
 * - `down`: its probes fail.
 * - `draining`: finishes what it has and takes nothing new.
 */
export type ServerState = "unproven" | "up" | "trial" | "cooling" | "ejected" | "down" | "draining";

/** One server of a pool and its books. Only the pool and its parts write here. */
export class Server implements ServerInfo {
  settings: ServerSettings;
  readonly idHash: number;
  readonly circuit: Circuit;
  readonly cooldown = new Cooldown();
  readonly latency: PeakLatency;
  readonly typical = new TypicalLatency();
  readonly awaiting = new AwaitingTickets();

  /** Requests in flight, and their cost still to come. */
  inFlight = 0;
  cost = 0;
  maxInFlight = Number.POSITIVE_INFINITY;
  /** The weight as slow start leaves it. */
  weight: number;
  /** The group that it can be chosen from now. */
  group: Group | undefined;
  /** What smooth weighted round robin owes it. */
  credit = 0;

  /** What the probes say; `up` from the start in a pool without probes. */
  verdict: "unknown" | "up" | "down" = "unknown";
  draining = false;
  /** The one live request that tries a server out after an ejection; `free` waits for it. */
  trial: "none" | "free" | Ticket = "none";
  warmingSinceMs: number | undefined;
  failuresInARow = 0;
  lastFailureAtMs = Number.NEGATIVE_INFINITY;
  /** Why it is in the state that it is in, in words. */
  reason = "listed";
  lastFirstByteAtMs = Number.NEGATIVE_INFINITY;
  /** The state that was last told to listeners. */
  announced: ServerState = "unproven";

  report: LoadReport | undefined;
  reportedAtMs = 0;
  inFlightAtReport = 0;

  #idle: (() => void)[] = [];

  constructor(
    settings: ServerSettings,
    circuit: CircuitOptions,
    latencyDecayMs: number,
    random: () => number,
  ) {
    this.settings = settings;
    this.idHash = hashText(settings.id);
    this.weight = settings.weight;
    this.circuit = new Circuit(circuit, random);
    this.latency = new PeakLatency(latencyDecayMs);
  }

  get id(): string {
    return this.settings.id;
  }

  get url(): string {
    return this.settings.url;
  }

  get zone(): string | undefined {
    return this.settings.zone;
  }

  begin(ticket: Ticket, cost: number): void {
    this.inFlight++;
    this.addCost(cost);
    this.awaiting.push(ticket);
    if (this.trial === "free") this.trial = ticket;
  }

  finish(ticket: Ticket, cost: number, answered: boolean): void {
    this.inFlight--;
    this.addCost(-cost);
    if (!answered) this.awaiting.remove(ticket);
    if (this.inFlight > 0 || this.#idle.length === 0) return;
    for (const tell of this.#idle.splice(0)) tell();
  }

  addCost(difference: number): void {
    this.cost += difference;
    if (this.inFlight === 0) this.cost = 0;
    if (this.group !== undefined) this.group.cost += difference;
  }

  takeReport(report: LoadReport, now: number): void {
    this.report = report;
    this.reportedAtMs = now;
    this.inFlightAtReport = this.inFlight;
  }

  /** Resolves when nothing is in flight any more. */
  whenIdle(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  state(now: number, probed: boolean): ServerState {
    if (this.draining) return "draining";
    if (this.verdict === "down") return "down";
    const circuit = this.circuit.state(now);
    if (circuit === "open" || (circuit === "trial" && probed)) return "ejected";
    if (this.verdict === "unknown") return "unproven";
    if (this.cooldown.untilMs > now) return "cooling";
    return circuit === "trial" ? "trial" : "up";
  }
}
