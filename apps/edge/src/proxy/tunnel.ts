import type { Client, ClientUser } from "./client.ts";
import { Inactivity } from "./inactivity.ts";
import type { Limits } from "./limits.ts";
import type { Placement } from "./placement.ts";
import type { UpstreamConnection, UpstreamUser } from "./upstream-connection.ts";

/**
 * A connection after the server's 101: bytes pass both ways unread, and whoever of the two does not
 * take more stops the reading at the other. It ends when one side does, or is silent for too long.
 */
export class Tunnel implements ClientUser, UpstreamUser {
  readonly #client: Client;
  readonly #connection: UpstreamConnection;
  readonly #placement: Placement;
  readonly #limits: Limits;
  readonly #inactivity = new Inactivity(performance.now());

  /** @param placement of the request that asked for it, to be ended with it */
  constructor(
    client: Client,
    connection: UpstreamConnection,
    placement: Placement,
    limits: Limits,
  ) {
    this.#client = client;
    this.#connection = connection;
    this.#placement = placement;
    this.#limits = limits;
    connection.user = this;
  }

  fromClient(): void {
    const { channel } = this.#connection;
    const bytes = this.#client.held();
    if (bytes === undefined || channel.isBlocked) return;
    this.#inactivity.renew();
    channel.write(bytes);
    this.#client.consumed(bytes.length);
  }

  clientDrained(): void {
    this.#connection.channel.resume();
  }

  clientLeft(): void {
    // What the client sent last is still delivered.
    this.#connection.user = undefined;
    this.#connection.channel.end();
    this.#placement.end();
  }

  fromServer(bytes: Buffer): void {
    this.#inactivity.renew();
    const { channel } = this.#client;
    channel.write(bytes);
    if (channel.isBlocked) this.#connection.channel.pause();
  }

  serverDrained(): void {
    this.#client.wantsMore();
  }

  serverClosed(): void {
    this.#placement.end();
    this.#client.finished(false);
  }

  sweep(nowMs: number): void {
    const limits = this.#limits;
    const isSilent = this.#inactivity.ms(nowMs) > limits.tunnelIdleMs;
    const isStuck =
      this.#client.channel.isStuck(nowMs, limits) ||
      this.#connection.channel.isStuck(nowMs, limits);
    if (isSilent || isStuck) this.#client.broke();
  }
}
