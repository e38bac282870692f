import { admits, type Demand, type Priority } from "./demand.ts";
import type { PoolSettings } from "./pool-options.ts";
import type { Server } from "./server.ts";
import { Ticket } from "./ticket.ts";
import { type Waiter, WaitingLine } from "./waiting-line.ts";

/** What the room needs of the pool around it. */
export interface WaitingRoomHost {
  choose(demand: Demand, now: number): Server | undefined;
  issue(server: Server, demand: Demand, now: number, waitedMs: number): Ticket;
  /** Why waiting will not help this request any more. */
  shortage(demand: Demand, now: number): Error | undefined;
  /** Brings all states up to now, which it gives. */
  refresh(): number;
  nextChangeMs(): number;
  /** When a server stops cooling down for the credential of the request; nothing while none does. */
  coolUntilMs(demand: Demand, now: number): number | undefined;
}

/**
 * Where requests wait until a server has room for them. A place that comes free goes to the first
 * in line whom that server suits; when servers change, everyone is looked at again, and whoever
 * nobody can serve any more is told so at once. Owns one timer, for the next one whose time is
 * over or the next state that ends by itself, and one for each that waits for a credential's
 * cool-down to end.
 */
export class WaitingRoom {
  readonly #line: WaitingLine;
  readonly #settings: PoolSettings;
  readonly #host: WaitingRoomHost;
  #cancelTimer: (() => void) | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(settings: PoolSettings, host: WaitingRoomHost) {
    this.#line = new WaitingLine(settings.queue);
    this.#settings = settings;
    this.#host = host;
  }

  get length(): number {
    return this.#line.length;
  }

  lengthOf(priority: Priority): number {
    return this.#line.lengthOf(priority);
  }

  enter(demand: Demand, signal: AbortSignal | undefined): Promise<Ticket> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        if (this.#line.leave(waiter)) waiter.settle(signal?.reason);
      };
      let isSettled = false;
      let cancelWake = () => {};
      const wakeWhenCool = () => {
        const now = this.#settings.clock.now();
        const untilMs = this.#host.coolUntilMs(demand, now);
        if (untilMs === undefined || isSettled) return;
        cancelWake = this.#settings.clock.after(untilMs - now, () => {
          this.serveAll(this.#host.refresh());
          wakeWhenCool();
        });
      };
      const waiter: Waiter = {
        demand,
        priority: demand.priority ?? "interactive",
        enteredAtMs: this.#settings.clock.now(),
        settle: (result) => {
          isSettled = true;
          cancelWake();
          signal?.removeEventListener("abort", abort);
          this.#tellLength();
          if (result instanceof Ticket) resolve(result);
          else reject(result);
        },
      };
      this.#line.enter(waiter);
      signal?.addEventListener("abort", abort);
      this.#tellLength();
      this.#armTimer();
      wakeWhenCool();
    });
  }

  serveAll(now: number): void {
    for (const waiter of this.#line.inOrder()) {
      const server = this.#host.choose(waiter.demand, now);
      if (server !== undefined) {
        this.#grant(waiter, server, now);
        continue;
      }
      const shortage = this.#host.shortage(waiter.demand, now);
      if (shortage !== undefined && this.#line.leave(waiter)) waiter.settle(shortage);
    }
    this.#armTimer();
  }

  serveOne(server: Server, now: number): void {
    for (const waiter of this.#line.inOrder()) {
      if (!admits(server, waiter.demand, now)) continue;
      this.#grant(waiter, server, now);
      return;
    }
  }

  close(reason: Error): void {
    this.#cancelTimer?.();
    for (const waiter of this.#line.inOrder()) {
      if (this.#line.leave(waiter)) waiter.settle(reason);
    }
  }

  #grant(waiter: Waiter, server: Server, now: number): void {
    this.#line.leave(waiter);
    waiter.settle(this.#host.issue(server, waiter.demand, now, now - waiter.enteredAtMs));
  }

  #armTimer(): void {
    if (this.#line.length === 0) return;
    const dueMs = Math.min(this.#line.nextExpiryMs(), this.#host.nextChangeMs());
    if (dueMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.#settings.clock.now());
    this.#cancelTimer = this.#settings.clock.after(delayMs, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      const now = this.#host.refresh();
      this.serveAll(now);
      this.#line.expire(now);
      this.#armTimer();
    });
  }

  #tellLength(): void {
    this.#settings.events.onQueue?.({
      interactive: this.#line.lengthOf("interactive"),
      background: this.#line.lengthOf("background"),
    });
  }
}
