import { connect, createServer, type Server, type Socket } from "node:net";
import { sleep } from "../time-limit.ts";

/**
 * A TCP proxy between a process and its Redis that can be told to misbehave: `pass`, `delay` (each
 * piece waits), `drop` (pieces vanish and the connection stays open), `refuse` (connections are cut
 * and new ones refused).
 */
export class FaultyProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<{ inner: Socket; outer: Socket; broken: boolean }>();
  #mode: ProxyMode = "pass";
  #delayMs = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(target: { port: number }): Promise<FaultyProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const proxy = new FaultyProxy(server, port);
    server.on("connection", (outer) => proxy.#accept(outer, target.port));
    return proxy;
  }

  setMode(mode: ProxyMode, delayMs = 0): void {
    // What vanished leaves a connection out of step; as on a real network it has to be cut.
    if (this.#mode === "drop" && mode !== "drop") {
      for (const pair of this.#pairs) if (pair.broken) this.#cut(pair);
    }
    this.#mode = mode;
    this.#delayMs = delayMs;
    if (mode === "refuse") this.cutAll();
  }

  cutAll(): void {
    for (const pair of this.#pairs) this.#cut(pair);
  }

  async stop(): Promise<void> {
    this.cutAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(outer: Socket, targetPort: number): void {
    if (this.#mode === "refuse") {
      outer.destroy();
      return;
    }
    const inner = connect(targetPort, "127.0.0.1");
    const pair = { inner, outer, broken: false };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      from.setNoDelay(true);
      // One after the other, so that a piece that need not wait does not overtake one that does.
      let order = Promise.resolve();
      from.on("data", (piece) => {
        if (this.#mode === "drop") {
          pair.broken = true;
          return;
        }
        if (pair.broken) return;
        const due = performance.now() + (this.#mode === "delay" ? this.#delayMs : 0);
        order = order.then(async () => {
          const early = due - performance.now();
          if (early > 0) await sleep(early);
          to.write(piece);
        });
      });
      from.on("error", () => this.#cut(pair));
      from.on("close", () => this.#cut(pair));
    }
  }

  #cut(pair: { inner: Socket; outer: Socket; broken: boolean }): void {
    this.#pairs.delete(pair);
    pair.inner.destroy();
    pair.outer.destroy();
  }
}

export type ProxyMode = "pass" | "delay" | "drop" | "refuse";
