import type { Socket, SocketHandler } from "bun";
import { aliveMs, idleUpstreamMs, keepAliveProbeMs, maxIdleUpstreams } from "./limits.ts";
import { UpstreamConnection } from "./upstream-connection.ts";

/** No connection came about, so nothing was sent. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** One server as an address to connect to, with the connections that are open to it. */
export class Upstream {
  readonly #url: string;
  readonly #hostname: string;
  readonly #port: number;
  readonly #isSecure: boolean;
  readonly #connectMs: number;
  /** The ones in use last are at the end, and are used first, so that the rest can time out. */
  readonly #resting: UpstreamConnection[] = [];
  readonly #open = new Set<UpstreamConnection>();
  #exchanges = 0;
  #whenQuiet: (() => void)[] = [];
  #asking: Promise<boolean> | undefined;
  #isRetired = false;

  constructor(url: string, connectMs: number) {
    const { hostname, port, protocol } = new URL(url);
    this.#isSecure = protocol === "https:";
    this.#hostname = hostname.replace(/^\[|\]$/g, "");
    this.#port = Number(port) || (this.#isSecure ? 443 : 80);
    this.#connectMs = connectMs;
    this.#url = url;
  }

  /** What Host says where the request had none. */
  get authority(): string {
    return `${this.#hostname.includes(":") ? `[${this.#hostname}]` : this.#hostname}:${this.#port}`;
  }

  get connections(): number {
    return this.#open.size;
  }

  /** Requests under way, without the connections that were upgraded. */
  get exchanges(): number {
    return this.#exchanges;
  }

  began(): void {
    this.#exchanges++;
  }

  ended(): void {
    if (--this.#exchanges === 0) for (const tell of this.#whenQuiet.splice(0)) tell();
  }

  /** Resolves when no request is under way; connections that were upgraded are not waited for. */
  quiet(): Promise<void> {
    if (this.#exchanges === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenQuiet.push(resolve));
  }

  /** A connection that rests, and has for no longer than `maxRestMs`. */
  take(nowMs: number, maxRestMs: number): UpstreamConnection | undefined {
    const connection = this.#resting.at(-1);
    if (connection === undefined || nowMs - connection.restingSinceMs > maxRestMs) return undefined;
    this.#resting.pop();
    return connection;
  }

  /** Takes a connection back that is good for another request. */
  give(connection: UpstreamConnection, nowMs: number): void {
    connection.user = undefined;
    if (this.#isRetired || this.#resting.length >= maxIdleUpstreams) {
      connection.close();
      return;
    }
    connection.channel.resume();
    connection.uses++;
    connection.restingSinceMs = nowMs;
    this.#resting.push(connection);
  }

  /** @throws UnreachableError */
  async connect(): Promise<UpstreamConnection> {
    let connection: UpstreamConnection | undefined;
    let isLate = false;
    // Over TLS a connection opens before its certificate is checked.
    const trusted = Promise.withResolvers<void>();
    if (!this.#isSecure) trusted.resolve();
    const socket: SocketHandler<unknown> = {
      ...events,
      open: (socket) => {
        // A host that is gone says no word, and whoever waits for one would wait for long.
        socket.setKeepAlive(true, keepAliveProbeMs);
        connection = new UpstreamConnection(socket, (closed) => {
          this.#closed(closed);
          trusted.reject(new Error("it closed the connection before TLS was agreed on"));
        });
        socket.data = connection;
        this.#open.add(connection);
        if (isLate) connection.close();
      },
      handshake(_, isTrusted, error) {
        if (isTrusted) trusted.resolve();
        else trusted.reject(error ?? new Error("its certificate is not trusted"));
      },
    };
    const connected = Bun.connect({
      hostname: this.#hostname,
      port: this.#port,
      socket,
      ...(this.#isSecure && { tls: { serverName: this.#hostname, rejectUnauthorized: true } }),
    });
    const connecting = Promise.all([connected, trusted.promise]);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      isLate = true;
      late.reject(new Error(`no connection within ${this.#connectMs} ms`));
    }, this.#connectMs);
    try {
      await Promise.race([connecting, late.promise]);
    } catch (cause) {
      connecting.catch(() => {});
      connection?.close();
      const words = cause instanceof Error ? cause.message : String(cause);
      throw new UnreachableError(`${this.authority} cannot be reached: ${words}`, { cause });
    } finally {
      clearTimeout(timer);
    }
    if (connection === undefined || connection.channel.isClosed) {
      throw new UnreachableError(`${this.authority} closed the connection at once`);
    }
    return connection;
  }

  /**
   * Whether it answers anything at all within a second, whatever it says: a request that waits for
   * long may be hard work, or its server may be stopped. Asked once for all who want to know.
   */
  isAlive(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Closes what has rested for too long. */
  sweep(nowMs: number): void {
    while (this.#resting[0] !== undefined) {
      if (nowMs - this.#resting[0].restingSinceMs < idleUpstreamMs) return;
      this.#resting[0].close();
    }
  }

  /** One that had rested turned out to be dead: its host may have gone, and all the others with it. */
  distrustResting(): void {
    for (const connection of [...this.#resting]) connection.close();
  }

  /** Closes what rests, and keeps nothing more; what is in use goes on. */
  retire(): void {
    this.#isRetired = true;
    this.distrustResting();
  }

  async #ask(): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/health`, {
        redirect: "manual",
        keepalive: false,
        signal: AbortSignal.timeout(aliveMs),
      });
      await response.body?.cancel();
      return true;
    } catch {
      return false;
    }
  }

  #closed(connection: UpstreamConnection): void {
    this.#open.delete(connection);
    const at = this.#resting.indexOf(connection);
    if (at >= 0) this.#resting.splice(at, 1);
  }
}

const events: SocketHandler<unknown> = {
  data(socket, bytes) {
    connectionOf(socket).data(bytes);
  },
  drain(socket) {
    connectionOf(socket).drained();
  },
  close(socket, error) {
    if (socket.data === undefined) return;
    connectionOf(socket).closed(error);
  },
  error() {
    // The close event that follows says the same.
  },
};

function connectionOf(socket: Socket<unknown>): UpstreamConnection {
  return socket.data as UpstreamConnection;
}
