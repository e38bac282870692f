import type { Channel } from "./channel.ts";
import { doubtMs, type Limits } from "./limits.ts";

/** What an exchange does at the moment, as far as time limits go. */
export type Waiting = {
  readonly phase: "placing" | "waiting" | "answering" | "tunnel" | "ended";
  readonly isRequestDone: boolean;
  readonly client: Channel;
  readonly server: Channel | undefined;
};

/** What is to be done about it; `doubt`: the server is to be asked whether it is there. */
export type Overdue =
  | "slow_client"
  | "silent_client"
  | "slow_server"
  | "silent_server"
  | "doubt"
  | "whole"
  | "silent_tunnel";

/**
 * Keeps the time of one exchange. That bytes pass is only noted; the clock is read when all
 * exchanges are looked at, so that a byte costs no look at it.
 */
export class Patience {
  readonly #limits: Limits;
  readonly #startedMs = performance.now();
  #isActive = false;
  #activeMs = this.#startedMs;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Bytes have passed. */
  renew(): void {
    this.#isActive = true;
  }

  /** What has taken too long by now. To be asked again and again. */
  overdue(nowMs: number, { phase, isRequestDone, client, server }: Waiting): Overdue | undefined {
    const limits = this.#limits;
    if (this.#isActive) {
      this.#isActive = false;
      this.#activeMs = nowMs;
    }
    const quietMs = nowMs - this.#activeMs;
    const isStuck = (channel: Channel | undefined) =>
      channel?.isStuck(nowMs, limits.idleMs, limits.minBytesPerSecond) === true;

    if (isStuck(client)) return "slow_client";
    if (isStuck(server)) return "slow_server";
    if (phase === "tunnel") return quietMs > limits.tunnelIdleMs ? "silent_tunnel" : undefined;
    if (limits.wholeMs > 0 && nowMs - this.#startedMs > limits.wholeMs) return "whole";
    if (phase === "waiting" && !isRequestDone) {
      return quietMs > limits.idleMs ? "silent_client" : undefined;
    }
    if (phase === "waiting") {
      if (quietMs > limits.firstByteMs) return "silent_server";
      return quietMs > doubtMs ? "doubt" : undefined;
    }
    const isServersTurn = phase === "answering" && !client.isBlocked;
    return isServersTurn && quietMs > limits.answerIdleMs ? "silent_server" : undefined;
  }
}
