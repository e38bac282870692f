import type { FailureKind, ServerInfo } from "@peregrine/balancer";

/**
 * Who gives a client its answer: a server that was asked for it, by way of the cache or not; the
 * cache, which had it; or the door itself.
 */
export type AnswerSource = "server" | "cache" | "door";

/**
 * Why another server is asked: how the one before failed, or `closed`: a connection that had rested
 * ended under the request; `overloaded`: it answered 503; `lost`: it was found ill by others.
 */
export type RetryReason = FailureKind | "closed" | "overloaded" | "lost";

/**
 * What the door tells while it passes requests on, for metrics. Called synchronously, some of it for
 * each request: a listener must be quick and must not throw.
 */
export type ProxyEvents = {
  /** An answer to a client begins. @param seconds since the request's head was whole */
  readonly onAnswer?: (source: AnswerSource, status: number, seconds: number) => void;
  /** A server answered, whether that is used or another one is asked. */
  readonly onServerAnswer?: (server: ServerInfo, status: number) => void;
  readonly onRetry?: (reason: RetryReason) => void;
  /** A request is sent to a second server beside the first, which has not answered yet. */
  readonly onHedge?: () => void;
  /** That one answered first. */
  readonly onHedgeWon?: () => void;
  /** Another server would have been asked, and the budget was used up. */
  readonly onBudgetSpent?: () => void;
  /** A client's connection was beyond a limit. */
  readonly onConnectionRefused?: () => void;
  /** A fault of our own, which costs the connection that met it. */
  readonly onFault: (error: Error) => void;
};
