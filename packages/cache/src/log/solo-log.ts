import type { InvalidationLog, LogFigures } from "./invalidation-log.ts";
import type { Knowledge } from "./knowledge.ts";
import type { LogRecord } from "./records.ts";

/**
 * The log of a process that is alone: nobody to tell, nobody to hear. Memory always serves, and is
 * never older than the last write of this process, which is the only one that writes.
 */
export class SoloLog implements InvalidationLog {
  readonly #knowledge: Knowledge;
  #mutations = 0;

  constructor(knowledge: Knowledge) {
    this.#knowledge = knowledge;
    knowledge.epoch = "solo";
    knowledge.leaseUntil = Number.POSITIVE_INFINITY;
    knowledge.verifyUntil = Number.POSITIVE_INFINITY;
  }

  async start(): Promise<void> {}

  async mutate<T>(guards: readonly string[], work: () => Promise<T>): Promise<T> {
    const id = `solo.${++this.#mutations}`;
    this.#append("pending", id, guards);
    try {
      return await work();
    } finally {
      this.#append("bump", id, guards);
    }
  }

  async invalidate(guards: readonly string[]): Promise<void> {
    this.#append("bump", "", guards);
  }

  async invalidatePattern(glob: string): Promise<void> {
    this.#append("pattern", "", [glob]);
  }

  figures(): LogFigures {
    const { position } = this.#knowledge;
    const { pending, guards } = this.#knowledge.figures();
    return {
      node: "solo",
      state: "solo",
      position,
      lagRecords: 0,
      lagMs: 0,
      recordsRead: position,
      resyncs: 0,
      pending,
      guards,
    };
  }

  async close(): Promise<void> {}

  #append(kind: LogRecord["kind"], id: string, guards: readonly string[]): void {
    const seq = this.#knowledge.position + 1;
    this.#knowledge.apply({ seq, kind, id, node: "solo", guards, wantsAck: false });
  }
}
