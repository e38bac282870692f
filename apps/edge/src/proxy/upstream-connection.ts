import type { Socket } from "bun";
import { Channel } from "./channel.ts";

/** Who a connection to a server works for. */
export interface UpstreamUser {
  fromServer(bytes: Buffer): void;
  /** The server takes more. */
  serverDrained(): void;
  /** The connection has ended, in good order unless there is an error. */
  serverClosed(error: Error | undefined): void;
}

/**
 * A connection to a server. It works for one request at a time, and rests in its server's list in
 * between; bytes that come while it rests belong to nobody, and end it.
 */
export class UpstreamConnection {
  readonly channel: Channel;
  user: UpstreamUser | undefined;
  /** How often it has carried a request before. */
  uses = 0;
  restingSinceMs = 0;
  readonly #onClose: (connection: UpstreamConnection) => void;

  constructor(socket: Socket<unknown>, onClose: (connection: UpstreamConnection) => void) {
    this.channel = new Channel(socket);
    this.#onClose = onClose;
  }

  data(bytes: Buffer): void {
    if (this.user === undefined) this.close();
    else this.user.fromServer(bytes);
  }

  drained(): void {
    if (this.channel.drained()) this.user?.serverDrained();
  }

  closed(error: Error | undefined): void {
    this.channel.closed();
    this.#onClose(this);
    const user = this.user;
    this.user = undefined;
    user?.serverClosed(error);
  }

  /** Cuts it at once; its user is not told. */
  close(): void {
    this.user = undefined;
    this.#onClose(this);
    this.channel.terminate();
  }
}
