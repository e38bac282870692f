/** What a connection may take, in time and room. Times are in milliseconds. */
export type Limits = {
  /** From a connection's or a head's first byte until the head is whole. */
  readonly headerMs: number;
  /** Between two requests on a connection. */
  readonly keepAliveMs: number;
  /** Without a byte of a request's body from the client. */
  readonly idleMs: number;
  /** Without a byte of an answer from the server, once it has begun. */
  readonly answerIdleMs: number;
  /** From the request's end to the first byte of its answer. */
  readonly firstByteMs: number;
  /** From a request's beginning to its answer's end; 0 for no limit. Upgraded connections have none. */
  readonly wholeMs: number;
  /** Without a byte either way on an upgraded connection. */
  readonly tunnelIdleMs: number;
  readonly connectMs: number;
  /** Without the first byte of an answer until a read goes to a second server as well; 0 for never. */
  readonly hedgeAfterMs: number;
  /** A peer that takes or sends fewer bytes a second, over `idleMs`, while it is waited for, is cut. */
  readonly minBytesPerSecond: number;
  /** A head, of requests and answers alike. */
  readonly headBytes: number;
  readonly connections: number;
  /** 0 for no limit; trusted proxies have none. */
  readonly connectionsPerAddress: number;
};

/** What may be held of a request that has come before it can be passed on. */
export const maxHeldBytes = 64 * 1024;
/** Tries for each request. */
export const maxAttempts = 3;
/** How long an upstream connection is kept for the next request; servers keep theirs for 5 s or more. */
export const idleUpstreamMs = 4000;
/** Connections kept open to a server that nothing is happening on. */
export const maxIdleUpstreams = 512;
/**
 * After this long without a packet from a server the kernel asks its host whether the connection is
 * still there, ten times, 1 s apart; so one that is gone without a word is noticed after 15 s.
 */
export const keepAliveProbeMs = 5000;
/**
 * What must not be done twice takes a connection that was in use this recently, or a new one: a
 * server that closes an idle connection just now would leave it open whether the request was read.
 */
export const freshUpstreamMs = 1000;
/** How long a client that was told off gets to read why. */
export const lingerMs = 2000;
/** After this long without a first byte, a server is asked whether it is there at all. */
export const doubtMs = 500;
/** How long it may take to say so. */
export const aliveMs = 1000;
/** How often connections are looked at for what takes too long, at least. */
export const sweepMs = 250;
