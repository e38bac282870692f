import type { LoadReport } from "../src/index.ts";
import type { VirtualClock } from "../src/testing/virtual-clock.ts";

const workers = 4;
const usualWorkMs = 40;
/** Streams that are running slow the work on new answers a little: at this many it takes twice as long. */
const streamsThatDouble = 1000;

interface Job {
  readonly begin: () => void;
  isCancelled: boolean;
}

/**
 * A server as queueing theory sees it: four workers, a line in front of them, and work of 40 ms on
 * average (log-normal) until the first byte of an answer. It can be slow, and it can be stuck: then
 * it takes connections and nothing comes out, until it goes on where it was.
 */
export class SimulatedServer {
  readonly id: string;
  slowness = 1;
  streams = 0;
  readonly #clock: VirtualClock;
  readonly #random: () => number;
  readonly #line: Job[] = [];
  #heldBack: (() => void)[] = [];
  #isStuck = false;
  #busy = 0;

  constructor(id: string, clock: VirtualClock, random: () => number) {
    this.id = id;
    this.#clock = clock;
    this.#random = random;
  }

  /** Calls `begin` when the answer begins. The returned function is a client that hangs up. */
  ask(begin: () => void): () => void {
    const job: Job = { begin, isCancelled: false };
    this.#line.push(job);
    this.#workOn();
    return () => {
      job.isCancelled = true;
    };
  }

  set isStuck(isStuck: boolean) {
    this.#isStuck = isStuck;
    if (!isStuck) for (const goOn of this.#heldBack.splice(0)) goOn();
  }

  get load(): LoadReport {
    return {
      cpuFraction: this.#busy / workers,
      eventLoopDelayMs: (this.#line.length * usualWorkMs * this.slowness) / workers,
      runningAnswers: this.streams + this.#busy + this.#line.length,
    };
  }

  #workOn(): void {
    while (this.#busy < workers) {
      const job = this.#line.shift();
      if (job === undefined) return;
      if (job.isCancelled) continue;
      this.#busy++;
      this.#clock.after(this.#workMs(), () => this.#unlessStuck(() => this.#finish(job)));
    }
  }

  #finish(job: Job): void {
    this.#busy--;
    if (!job.isCancelled) job.begin();
    this.#workOn();
  }

  #unlessStuck(work: () => void): void {
    if (this.#isStuck) this.#heldBack.push(work);
    else work();
  }

  /** Log-normal with a spread of 0.5: half are below 35 ms, one in a hundred above 113 ms. */
  #workMs(): number {
    const spread = 0.5;
    const uniform = 1 - this.#random();
    const normal = Math.sqrt(-2 * Math.log(uniform)) * Math.cos(2 * Math.PI * this.#random());
    const work = usualWorkMs * Math.exp(spread * normal - spread ** 2 / 2);
    return work * this.slowness * (1 + this.streams / streamsThatDouble);
  }
}
