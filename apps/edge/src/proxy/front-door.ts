import type { Socket, SocketHandler, TCPSocketListener } from "bun";
import { ClientConnection, type ClientConnectionHost } from "./client-connection.ts";
import { EdgeError } from "./edge-error.ts";
import { sweepMs } from "./limits.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { type IsTrusted, plainAddress } from "./trusted-addresses.ts";

/** The certificate of the moment, as PEM. */
export type Certificate = { readonly cert: string; readonly key: string };

export type FrontDoorOptions = {
  readonly hostname: string;
  readonly port: number;
  readonly context: ProxyContext;
  readonly isTrusted: IsTrusted;
  /** Asked for each connection, so that a new certificate holds from the next one on. */
  readonly certificate: (() => Certificate) | undefined;
};

/**
 * Where clients come in: accepts connections, counts them by address, and ends those that have
 * taken too long. Owns all of them until `close`.
 */
export class FrontDoor implements ClientConnectionHost {
  readonly #options: FrontDoorOptions;
  readonly #listener: TCPSocketListener<unknown>;
  readonly #connections = new Set<ClientConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #sweeper: Timer;
  #isDraining = false;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
    const { headerMs, idleMs } = options.context.limits;
    // Often enough that a limit is overrun by a quarter at most.
    const everyMs = Math.min(sweepMs, headerMs / 4, idleMs / 4);
    this.#listener = Bun.listen({
      hostname: options.hostname,
      port: options.port,
      socket: { ...this.#events(), open: (socket) => this.#opened(socket) },
    });
    this.#sweeper = setInterval(() => this.#sweep(), Math.max(10, everyMs));
  }

  get url(): string {
    const { hostname, certificate } = this.#options;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    return `${certificate ? "https" : "http"}://${host}:${this.#listener.port}`;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Those of them that are WebSockets. */
  get webSockets(): number {
    let count = 0;
    for (const connection of this.#connections) if (connection.isTunnel) count++;
    return count;
  }

  /** Takes no new connection, ends those at rest, and resolves when all requests are answered. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true;
    this.#listener.stop();
    this.#sweep();
    const deadlineMs = performance.now() + timeoutMs;
    const isBusy = (connection: ClientConnection) => !connection.isIdle && !connection.isTunnel;
    while ([...this.#connections].some(isBusy) && performance.now() < deadlineMs) {
      await Bun.sleep(20);
    }
  }

  /** Cuts what is left. */
  close(): void {
    clearInterval(this.#sweeper);
    this.#listener.stop(true);
    for (const connection of [...this.#connections]) connection.cut();
  }

  #events(): SocketHandler<unknown> {
    return {
      data: (socket, bytes) => this.#guard(socket, (connection) => connection.data(bytes)),
      drain: (socket) => this.#guard(socket, (connection) => connection.drained()),
      close: (socket) => this.#guard(socket, (connection) => this.#closed(connection)),
      error: () => {
        // The close event that follows says the same.
      },
    };
  }

  #opened(socket: Socket<unknown>): void {
    const { context, certificate, isTrusted } = this.#options;
    const address = plainAddress(socket.remoteAddress);
    const peer = {
      address,
      isSecure: certificate !== undefined,
      isTrusted: isTrusted(address),
    };
    if (!this.#admit(peer.address, peer.isTrusted)) {
      context.events.onConnectionRefused?.();
      const error = new EdgeError("too_many_connections", "There are too many connections.", {
        retryAfterSeconds: 1,
      });
      // Before a handshake there are no words for it.
      if (certificate === undefined) socket.write(error.toMessage(false, false));
      socket.end();
      return;
    }
    const open = (channelSocket: Socket<unknown>) => {
      const connection = new ClientConnection(channelSocket, peer, context, this);
      this.#connections.add(connection);
      this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
      return connection;
    };
    if (certificate === undefined) {
      socket.data = open(socket);
      return;
    }
    try {
      const [, secure] = socket.upgradeTLS<unknown>({
        isServer: true,
        tls: { ...certificate(), ALPNProtocols: alpnProtocols },
        socket: this.#events(),
      } as Parameters<typeof socket.upgradeTLS<unknown>>[0]);
      secure.data = open(secure);
    } catch (error) {
      this.#options.context.events.onFault(error as Error);
      socket.terminate();
    }
  }

  #admit(address: string, isTrusted: boolean): boolean {
    const { connections, connectionsPerAddress } = this.#options.context.limits;
    if (this.#isDraining || this.#connections.size >= connections) return false;
    if (isTrusted || connectionsPerAddress === 0) return true;
    return (this.#perAddress.get(address) ?? 0) < connectionsPerAddress;
  }

  #closed(connection: ClientConnection): void {
    if (this.#connections.delete(connection)) {
      const { address } = connection.peer;
      const left = (this.#perAddress.get(address) ?? 0) - 1;
      if (left > 0) this.#perAddress.set(address, left);
      else this.#perAddress.delete(address);
    }
    connection.closed();
  }

  #sweep(): void {
    const nowMs = performance.now();
    this.#options.context.upstreams.sweep(nowMs);
    this.#options.context.cache?.sweep(nowMs);
    for (const connection of this.#connections) connection.sweep(nowMs);
  }

  /** A fault of ours costs the connection that met it, and nobody else. */
  #guard(socket: Socket<unknown>, run: (connection: ClientConnection) => void): void {
    const connection = socket.data as ClientConnection | undefined;
    if (connection === undefined) return;
    try {
      run(connection);
    } catch (error) {
      this.#options.context.events.onFault(error as Error);
      connection.cut();
    }
  }
}

/** Names of protocols, each after its length: HTTP/1.1 is all there is. */
const alpnProtocols = Buffer.from("\x08http/1.1");
