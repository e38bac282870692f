import type { Channel } from "./channel.ts";
import type { AnswerChannel } from "./client.ts";
import { Inactivity } from "./inactivity.ts";
import { doubtMs, type Limits } from "./limits.ts";
import { Pace } from "./pace.ts";

/** What an exchange does at the moment, as far as time limits go. */
export type Waiting = {
  readonly phase: "placing" | "waiting" | "answering" | "ended";
  /** What has come of the request's body; undefined while nobody waits for more of it. */
  readonly awaitedBytes: number | undefined;
  readonly client: AnswerChannel;
  readonly server: Channel | undefined;
};

/** What is to be done about it; `doubt`: the server is to be asked whether it is there. */
export type Overdue =
  | "slow_reader"
  | "slow_writer"
  | "slow_server"
  | "silent_server"
  | "doubt"
  | "whole";

/** Keeps the time of one exchange. */
export class Patience {
  readonly #limits: Limits;
  readonly #startedMs: number;
  readonly #inactivity: Inactivity;
  #writerPace: Pace | undefined;

  constructor(limits: Limits, startedMs: number) {
    this.#limits = limits;
    this.#startedMs = startedMs;
    this.#inactivity = new Inactivity(startedMs);
  }

  /** Bytes have passed. */
  renew(): void {
    this.#inactivity.renew();
  }

  /** What has taken too long by now. To be asked again and again. */
  overdue(nowMs: number, { phase, awaitedBytes, client, server }: Waiting): Overdue | undefined {
    const limits = this.#limits;
    const quietMs = this.#inactivity.ms(nowMs);
    if (client.isStuck(nowMs, limits)) return "slow_reader";
    if (server?.isStuck(nowMs, limits)) return "slow_server";
    if (limits.wholeMs > 0 && nowMs - this.#startedMs > limits.wholeMs) return "whole";
    if (phase === "answering") {
      const isServersTurn = !client.isBlocked;
      return isServersTurn && quietMs > limits.answerIdleMs ? "silent_server" : undefined;
    }
    if (awaitedBytes !== undefined) {
      this.#writerPace ??= new Pace(limits);
    }
    if (this.#writerPace?.isTooSlow(nowMs, awaitedBytes)) return "slow_writer";
    if (phase !== "waiting" || awaitedBytes !== undefined) return undefined;
    if (quietMs > limits.firstByteMs) return "silent_server";
    return quietMs > doubtMs ? "doubt" : undefined;
  }
}
