import type { Algorithm } from "./algorithms/algorithm.ts";
import { type Candidates, sortCandidates } from "./candidates.ts";
import type { Demand } from "./demand.ts";
import { BalancerError } from "./errors.ts";
import { hashFraction, hashText } from "./hash.ts";
import { show } from "./numbers.ts";
import type { PoolSettings } from "./pool-options.ts";
import { Server } from "./server.ts";
import { checkServers, type ServerSettings, type ServerSpec } from "./server-list.ts";

/** What a new list changed, by id. */
export interface ListChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export interface RosterHost {
  readonly joined: (server: Server) => void;
  readonly left: (server: Server) => void;
}

/**
 * The servers of a pool, and which of them can be chosen now. Those are sorted out anew when a
 * state changes or a state's time is over, and not for each request.
 */
export class Roster {
  readonly #settings: PoolSettings;
  readonly #algorithm: Algorithm;
  readonly #host: RosterHost;
  #servers: readonly Server[] = [];
  #candidates: Candidates;
  #isStale = true;

  constructor(settings: PoolSettings, algorithm: Algorithm, host: RosterHost) {
    this.#settings = settings;
    this.#algorithm = algorithm;
    this.#host = host;
    this.#candidates = this.#sort(settings.clock.now());
  }

  get servers(): readonly Server[] {
    return this.#servers;
  }

  /** When a state changes by itself next. */
  get nextChangeMs(): number {
    return this.#candidates.nextChangeMs;
  }

  /** To be called after each change to a server's state or weight. */
  markStale(): void {
    this.#isStale = true;
  }

  refresh(now: number): void {
    if (this.#isStale || now >= this.#candidates.nextChangeMs) this.#candidates = this.#sort(now);
  }

  /** A server that is well and has room; our own zone first, then others, then backups. */
  choose(demand: Demand, now: number): Server | undefined {
    const { local, remote, backup, localShare } = this.#candidates;
    const algorithm = this.#algorithm;
    const spills = localShare < 1 && this.#draw(demand) >= localShare;
    return (
      algorithm.choose(spills ? remote : local, demand, now) ??
      algorithm.choose(spills ? local : remote, demand, now) ??
      algorithm.choose(backup, demand, now)
    );
  }

  /** When the first server stops cooling down for the request's credential; nothing while none does. */
  coolUntilMs(demand: Demand, now: number): number | undefined {
    if (demand.credential === undefined) return undefined;
    const untilMs = this.#servers
      .map((server) => server.cooldown.untilMsFor(demand.credential))
      .filter((ms) => ms > now);
    return untilMs.length === 0 ? undefined : Math.min(...untilMs);
  }

  /** The servers that a pool starts with get their full share at once. */
  open(list: readonly ServerSpec[]): void {
    for (const settings of this.#check(list)) this.#enlist(settings);
  }

  apply(list: readonly ServerSpec[], now: number): ListChange {
    const wanted = new Map(this.#check(list).map((settings) => [settings.id, settings]));
    const removed: string[] = [];
    const changed: string[] = [];
    for (const server of this.#servers) {
      const settings = wanted.get(server.id);
      if (settings?.url !== server.url) {
        removed.push(server.id);
        this.#dismiss(server);
        continue;
      }
      wanted.delete(server.id);
      if (isSame(settings, server.settings)) continue;
      changed.push(server.id);
      this.#configure(server, settings);
    }
    for (const settings of wanted.values()) this.#enlist(settings).warmingSinceMs = now;
    return { added: [...wanted.keys()], removed, changed };
  }

  add(spec: ServerSpec, now: number): void {
    const present = this.#servers.map((server) => server.settings);
    for (const settings of this.#check([...present, spec]).slice(present.length)) {
      this.#enlist(settings).warmingSinceMs = now;
    }
  }

  remove(id: string): Server {
    const server = this.find(id);
    this.#dismiss(server);
    return server;
  }

  find(id: string): Server {
    const server = this.#servers.find((each) => each.id === id);
    if (server !== undefined) return server;
    const known = this.#servers.map((each) => each.id).join(", ");
    throw new BalancerError("unknown_server", `No server has the id ${show(id)}; known: ${known}`);
  }

  #check(list: readonly ServerSpec[]): ServerSettings[] {
    const { ownUrls, sharesAddress } = this.#settings;
    return checkServers(list, ownUrls, sharesAddress);
  }

  #enlist(settings: ServerSettings): Server {
    const { circuit, latencyDecayMs, random } = this.#settings;
    const server = new Server(settings, circuit, latencyDecayMs, random);
    this.#configure(server, settings);
    this.#servers = [...this.#servers, server];
    this.#isStale = true;
    this.#host.joined(server);
    return server;
  }

  #configure(server: Server, settings: ServerSettings): void {
    server.settings = settings;
    server.maxInFlight = settings.maxInFlight ?? this.#settings.maxInFlight;
    this.#isStale = true;
  }

  #dismiss(server: Server): void {
    this.#servers = this.#servers.filter((other) => other !== server);
    server.group = undefined;
    this.#isStale = true;
    this.#host.left(server);
  }

  /** One key spills over always or never, or it would have to be warm in two zones. */
  #draw(demand: Demand): number {
    return demand.key === undefined ? this.#settings.random() : hashFraction(hashText(demand.key));
  }

  #sort(now: number): Candidates {
    this.#isStale = false;
    const { zone, slowStartMs, events, health } = this.#settings;
    const probed = health !== undefined;
    const candidates = sortCandidates(this.#servers, { zone, slowStartMs, probed }, now);
    for (const server of this.#servers) {
      const to = server.state(now, probed);
      const from = server.announced;
      if (to === from) continue;
      server.announced = to;
      events.onStateChange?.({ server, from, to, reason: server.reason });
    }
    return candidates;
  }
}

function isSame(a: ServerSettings, b: ServerSettings): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
