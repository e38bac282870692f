import { LogHub } from "@peregrine/cache";
import type { Log } from "@peregrine/process";
import type { Edge } from "../edge.ts";
import { BackOff } from "./back-off.ts";
import { type FleetMessage, MessageRelay } from "./message-relay.ts";
import { ServerProcess } from "./server-process.ts";

export type FleetOptions = {
  readonly count: number;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** How long a server gets to become ready. */
  readonly startTimeoutMs: number;
  /** How long requests on a server that is replaced get to finish. */
  readonly drainTimeoutMs: number;
  /** How long a server gets to end once it is told to. */
  readonly stopTimeoutMs: number;
};

/** A place for one server; a new one takes it when the old one dies or is replaced. */
type Slot = {
  readonly index: number;
  readonly backOff: BackOff;
  current: ServerProcess | undefined;
  url: string;
  startedMs: number;
};

/**
 * Servers on this machine, started and kept running: one that dies is started again, and all can be
 * replaced one after another under load. Owns their processes until `stop`.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #relay = new MessageRelay();
  /** The middle of the caches' log, where no Redis is. */
  readonly #cacheLog = new LogHub();
  readonly #slots: Slot[];
  #edge: Edge | undefined;
  #isStopping = false;
  #replacing: Promise<void> | undefined;
  readonly #timers = new Set<Timer>();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.count }, (_, index) => ({
      index,
      backOff: new BackOff(),
      current: undefined,
      url: "",
      startedMs: 0,
    }));
  }

  get pids(): number[] {
    return this.#slots.flatMap(({ current }) => (current === undefined ? [] : [current.pid]));
  }

  /**
   * Starts all servers.
   *
   * @returns where they listen
   * @throws Error where one does not become ready; the others are stopped
   */
  async start(): Promise<string[]> {
    const started = await Promise.allSettled(this.#slots.map((slot) => this.#fill(slot)));
    const failed = started.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await this.stop();
      throw failed.reason;
    }
    return this.#slots.map((slot) => slot.url);
  }

  /** The door that leads to them, which is told who comes and goes from now on. */
  attach(edge: Edge): void {
    this.#edge = edge;
  }

  /**
   * Replaces all servers one after another: the new one is up before the old one gets nothing more,
   * and the old one is told to stop when its last request is over. Stops at the first one that does
   * not come up, with the old one still running. A second call waits for the first.
   */
  replaceAll(): Promise<void> {
    this.#replacing ??= this.#replaceAll().finally(() => {
      this.#replacing = undefined;
    });
    return this.#replacing;
  }

  /** Stops all servers, the last of them killed after the time they have. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(
      this.#slots.map(async (slot) => {
        const server = slot.current;
        slot.current = undefined;
        await server?.stop(this.#options.stopTimeoutMs);
      }),
    );
  }

  async #replaceAll(): Promise<void> {
    const { log } = this.#options;
    for (const slot of this.#slots) {
      if (this.#isStopping) return;
      try {
        await this.#replace(slot);
      } catch (err) {
        log.error({ err, slot: slot.index }, "a server was not replaced; the old ones go on");
        return;
      }
    }
    log.info({}, "all servers are replaced");
  }

  async #replace(slot: Slot): Promise<void> {
    const edge = this.#edge;
    const old = slot.current;
    const oldUrl = slot.url;
    if (edge === undefined || old === undefined) return;
    await this.#fill(slot, async (url) => {
      edge.pool.add({ url });
      await this.#isUp(edge, url);
    });
    const { drainTimeoutMs, stopTimeoutMs, log } = this.#options;
    // The pool's own promise waits for upgraded connections too, which end with their server.
    edge.pool.drain(oldUrl).catch(() => {});
    await Promise.race([edge.quiet(oldUrl), Bun.sleep(drainTimeoutMs)]);
    edge.pool.remove(oldUrl).catch(() => {});
    edge.forgetRemoved();
    const exit = await old.stop(stopTimeoutMs);
    log.info({ slot: slot.index, pid: old.pid, ...exit }, "a server was replaced");
  }

  /** Starts a server, and gives it the slot when it is ready and `admit` has let it in. */
  async #fill(slot: Slot, admit?: (url: string) => Promise<void>): Promise<void> {
    const { command, environment, log, startTimeoutMs } = this.#options;
    const server = new ServerProcess({
      command,
      environment,
      onMessage: (from, message) => this.#relayed(from, message),
    });
    const detach = this.#cacheLog.attach(server.cacheChannel);
    server.exited.then(detach, detach);
    const startedMs = performance.now();
    const timer = setTimeout(() => void server.stop(0), startTimeoutMs);
    let url: string;
    try {
      url = await server.ready;
      await admit?.(url);
    } catch (error) {
      await server.stop(0);
      throw error;
    } finally {
      clearTimeout(timer);
    }
    this.#relay.join(server);
    slot.current = server;
    slot.url = url;
    slot.startedMs = startedMs;
    log.info({ slot: slot.index, pid: server.pid, url }, "a server is ready");
    void server.exited.then((exit) => {
      this.#relay.leave(server);
      if (slot.current === server) this.#died(slot, exit);
    });
  }

  #died(slot: Slot, exit: object): void {
    const { log } = this.#options;
    slot.current = undefined;
    if (this.#isStopping) return;
    const waitMs = slot.backOff.nextMs(performance.now() - slot.startedMs);
    log.error({ slot: slot.index, ...exit, waitMs }, "a server died and is started again");
    this.#leaveDoor(slot.url);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#fill(slot, async (url) => this.#edge?.pool.add({ url })).catch((err: unknown) => {
        if (this.#isStopping) return;
        log.error({ err, slot: slot.index }, "a server did not start");
        slot.startedMs = performance.now();
        this.#died(slot, { code: null });
      });
    }, waitMs);
    this.#timers.add(timer);
  }

  #leaveDoor(url: string): void {
    const edge = this.#edge;
    if (edge?.pool.snapshot().servers.some((server) => server.url === url) !== true) return;
    edge.pool.remove(url).catch(() => {});
    edge.forgetRemoved();
  }

  /** Waits until the door's own probe has found it ready. */
  async #isUp(edge: Edge, url: string): Promise<void> {
    const deadlineMs = performance.now() + this.#options.startTimeoutMs;
    const state = () => edge.pool.snapshot().servers.find((server) => server.url === url)?.state;
    while (state() !== "up") {
      if (performance.now() > deadlineMs) {
        this.#leaveDoor(url);
        throw new Error(`${url} was started and is not ready: ${state()}`);
      }
      await Bun.sleep(10);
    }
  }

  #relayed(from: ServerProcess, message: FleetMessage): void {
    if (message.type === "broadcast") this.#relay.broadcast(from, message);
  }
}
