import type { Group } from "../candidates.ts";
import type { Demand } from "../demand.ts";
import type { Server } from "../server.ts";
import type { Algorithm, Score } from "./algorithm.ts";
import { betterOfTwo } from "./better-of-two.ts";

/** An event loop this late serves nobody in time: the server counts as full. */
const fullAtDelayMs = 100;
/** What we assume of a server that has not reported of late: neither idle nor full. */
const assumedUtilisation = 0.5;
const highestUtilisation = 0.98;

/**
 * The server that is least loaded by its own account, which counts what other doors send it too:
 * its running answers, times how much slower each gets as it fills up (1 / (1 - utilisation), as in
 * any queue). Between two reports we add what we have sent since; past `reportMaxAgeMs` a report
 * is not believed any more.
 */
export class LeastLoad implements Algorithm {
  readonly #random: () => number;
  readonly #score: Score;

  constructor(random: () => number, reportMaxAgeMs: number) {
    this.#random = random;
    this.#score = (server, _demand, now) => {
      const report = now - server.reportedAtMs > reportMaxAgeMs ? undefined : server.report;
      const answers =
        report === undefined
          ? server.inFlight
          : Math.max(0, report.runningAnswers + server.inFlight - server.inFlightAtReport);
      const utilisation =
        report === undefined
          ? assumedUtilisation
          : Math.max(report.cpuFraction, report.eventLoopDelayMs / fullAtDelayMs);
      const idle = 1 - Math.min(highestUtilisation, utilisation);
      return (answers + 1) / (idle * server.weight);
    };
  }

  choose(group: Group, demand: Demand, now: number): Server | undefined {
    return betterOfTwo(group, demand, now, this.#random, this.#score);
  }
}
