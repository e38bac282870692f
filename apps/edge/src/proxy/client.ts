import type { Span } from "@peregrine/tracing";
import type { Channel } from "./channel.ts";
import type { EdgeError } from "./edge-error.ts";
import type { Peer } from "./forwarding.ts";
import type { AnswerSource } from "./proxy-events.ts";

/** The part of a channel that answers go through. */
export type AnswerChannel = Pick<Channel, "isBlocked" | "isStuck" | "write">;

/** The client's side of what goes on, as far as it is of use to whoever answers it. */
export interface Client {
  readonly channel: AnswerChannel;
  readonly peer: Peer;
  /** Of its request, where that is traced. */
  readonly span: Span | undefined;
  /** When the head of its request was there. */
  readonly requestedMs: number;
  /** Bytes that have come and have not been passed on. */
  held(): Buffer | undefined;
  /** So many of those have been. */
  consumed(bytes: number): void;
  /** More of what comes can be passed on. */
  wantsMore(): void;
  /** Whether the connection is to go on after this exchange, as far as the door is concerned. */
  mayKeepAlive(): boolean;
  /** Its answer begins. To be called once for each request, before it is written. */
  begins(source: AnswerSource, status: number): void;
  /** From here on somebody else answers it. */
  handOver(user: ClientUser): void;
  /** The answer is complete. */
  finished(keepsAlive: boolean): void;
  /** There is no answer but this. */
  refused(error: EdgeError, options: { isHead: boolean; keepsAlive: boolean }): void;
  /** The answer broke off. */
  broke(): void;
}

/** Who a client's connection works for; its counterpart at a server is `UpstreamUser`. */
export interface ClientUser {
  /** Bytes have come, and are held until they are consumed. */
  fromClient(): void;
  /** The client takes more. */
  clientDrained(): void;
  /** The client has left: whatever is still done is for nobody. */
  clientLeft(): void;
  /** Ends what has taken too long. To be called again and again. */
  sweep(nowMs: number): void;
}
