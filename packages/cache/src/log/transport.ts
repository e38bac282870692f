import type { LogRecord, LogSnapshot } from "./records.ts";

/**
 * Carries the log of invalidations between processes: a Redis Stream, or the IPC of one machine.
 *
 * It keeps the numbers dense, the markers of pending writes, and the list of who is alive; every
 * method is one atomic step there. What follows from it (leases, waiting, serving) is in
 * `LogFollower`, the same for every transport.
 */
export interface Transport {
  /** Tells where the log stands and takes the node in among those alive. */
  join(node: string): Promise<LogSnapshot>;
  /** Begins, or begins anew, to hand over the records after `seq`. */
  follow(from: { node: string; epoch: string; seq: number }, events: TransportEvents): void;
  /** I am alive; keep my pending writes. Ends those of the dead. Says where the log stands. */
  beat(request: BeatRequest): Promise<{ epoch: string; seq: number }>;
  append(request: AppendRequest): Promise<AppendReply>;
  /** Tells `writer` that `node` has taken in everything up to `seq`. */
  ack(message: { node: string; writer: string; epoch: string; seq: number }): Promise<void>;
  /** The node serves nothing from memory any more; nobody has to wait for it. */
  leave(node: string): Promise<void>;
  close(): Promise<void>;
}

export interface TransportEvents {
  records(epoch: string, records: readonly LogRecord[]): void;
  acked(node: string, epoch: string, seq: number): void;
}

export interface BeatRequest {
  node: string;
  /** Mutations of this node whose work still runs. */
  renew: readonly string[];
  /** How long a marker of a pending write outlives the last beat of its writer. */
  pendingLeaseMs: number;
}

export interface AppendRequest extends Omit<LogRecord, "seq"> {
  pendingLeaseMs: number;
}

export interface AppendReply {
  epoch: string;
  seq: number;
  /** Of a bump: whether its marker was in force the whole time. */
  held: boolean;
  /** How old this life of the log is. Younger than a lease, it does not know everybody yet. */
  ageMs: number;
  /** Who was alive of late. */
  nodes: readonly string[];
}
