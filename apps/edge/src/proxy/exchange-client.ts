import type { Channel } from "./channel.ts";
import type { EdgeError } from "./edge-error.ts";
import type { Peer } from "./forwarding.ts";

/** The client's side of an exchange. */
export interface ExchangeClient {
  readonly channel: Channel;
  readonly peer: Peer;
  /** Bytes that have come and have not been passed on. */
  held(): Buffer | undefined;
  /** So many of those have been. */
  consumed(bytes: number): void;
  /** More of the request can be passed on. */
  wantsMore(): void;
  /** Whether the connection is to go on after this exchange, as far as the door is concerned. */
  mayKeepAlive(): boolean;
  /** The answer is complete. */
  finished(keepsAlive: boolean): void;
  /** There is no answer but this. */
  refused(error: EdgeError, keepsAlive: boolean): void;
  /** The answer broke off. */
  broke(): void;
}
