import type { Reading } from "./reading.ts";

/**
 * What is given up under pressure, in this order. Each level includes those before it; a signed-in
 * person's reads are never given up here.
 */
const pressureLevels = [
  "normal",
  "background_waits",
  "caches_shrink",
  "low_priority_refused",
  "answers_refused",
] as const;

export type PressureLevel = (typeof pressureLevels)[number];

export type PressureCause = {
  resource: "cpu" | "memory" | "event_loop";
  /** A fraction; milliseconds for the event loop. */
  value: number;
  threshold: number;
  sinceMs: number;
};

export type Verdict = { level: PressureLevel; sinceMs: number; causes: PressureCause[] };

type Options = {
  /** Fraction of the memory above which caches shrink. */
  memoryThreshold: number;
  /** Fraction of the CPU above which background work waits. */
  cpuThreshold: number;
  onChange?: (verdict: Verdict, before: PressureLevel) => void;
};

type Resource = {
  name: PressureCause["resource"];
  threshold: number;
  /** Where it gets dangerous and not only tight. */
  criticalThreshold: number;
  /** How far up the levels it may go when tight, and when critical. */
  ceiling: PressureLevel;
  criticalCeiling: PressureLevel;
  value(reading: Reading): number;
  /** Its share in the last reading; see `memoryOfLast`. */
  smoothed: number;
  state: "calm" | "tight" | "critical";
  sinceMs: number;
};

/** A cause ends where it is this far below what began it, so that it does not flicker around it. */
const releaseShare = 0.9;
/** Weight of the last reading in the smoothed value: a spike of one second alone begins nothing. */
const memoryOfLast = 0.4;
const eventLoopThresholdMs = 100;
const eventLoopCriticalMs = 400;
const upEveryMs = 2_000;
const downEveryMs = 5_000;

/**
 * Turns readings into a verdict that goes up one level every 2 s while a resource is short, and down
 * one every 5 s when it no longer is.
 *
 * CPU that is busy makes background work wait and, nearly used up, refuses what says it can wait;
 * it never refuses answers, since a full CPU is what a server under load should have, and the
 * adaptive limit sees when people begin to wait for it. Memory may: what follows is the end of the
 * process. "Nearly" is three quarters of the way from the threshold to full.
 */
export class Pressure {
  readonly #resources: Resource[];
  readonly #onChange: Options["onChange"];
  readonly #waiting = new Set<() => void>();
  #level = 0;
  #sinceMs: number;
  #movedMs = Number.NEGATIVE_INFINITY;

  constructor({ memoryThreshold, cpuThreshold, onChange }: Options, nowMs = Date.now()) {
    this.#onChange = onChange;
    this.#sinceMs = nowMs;
    const fresh = { smoothed: 0, state: "calm", sinceMs: nowMs } as const;
    this.#resources = [
      {
        ...fresh,
        name: "memory",
        threshold: memoryThreshold,
        criticalThreshold: nearlyFull(memoryThreshold),
        ceiling: "caches_shrink",
        criticalCeiling: "answers_refused",
        value: (reading) => reading.memory.fraction,
      },
      {
        ...fresh,
        name: "cpu",
        threshold: cpuThreshold,
        criticalThreshold: nearlyFull(cpuThreshold),
        ceiling: "background_waits",
        criticalCeiling: "low_priority_refused",
        value: (reading) => reading.cpu.fraction,
      },
      {
        ...fresh,
        name: "event_loop",
        threshold: eventLoopThresholdMs,
        criticalThreshold: eventLoopCriticalMs,
        ceiling: "background_waits",
        criticalCeiling: "low_priority_refused",
        value: (reading) => reading.eventLoop.meanDelayMs,
      },
    ];
  }

  get verdict(): Verdict {
    const causes = this.#resources
      .filter((resource) => resource.state !== "calm")
      .map(({ name, smoothed, threshold, sinceMs }) => ({
        resource: name,
        value: smoothed,
        threshold,
        sinceMs,
      }));
    return { level: levelAt(this.#level), sinceMs: this.#sinceMs, causes };
  }

  /** 0 for normal, and one more for each level. */
  get levelNumber(): number {
    return this.#level;
  }

  /** Whether the level is this one or a later one. */
  isAtLeast(level: PressureLevel): boolean {
    return this.#level >= pressureLevels.indexOf(level);
  }

  /** Takes in a reading, and moves by at most one level. */
  observe(reading: Reading): void {
    for (const resource of this.#resources) update(resource, reading);
    const wanted = Math.max(...this.#resources.map(ceilingOf));
    const quietMs = reading.atMs - this.#movedMs;
    if (wanted > this.#level && quietMs >= upEveryMs) this.#move(1, reading.atMs);
    else if (wanted < this.#level && quietMs >= downEveryMs) this.#move(-1, reading.atMs);
  }

  /** Resolves when background work may go on: at once, if nothing is short; or when `signal` aborts. */
  untilNormal(signal: AbortSignal): Promise<void> {
    if (this.#level === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done);
    });
  }

  #move(by: 1 | -1, atMs: number): void {
    const before = levelAt(this.#level);
    this.#level += by;
    this.#movedMs = atMs;
    this.#sinceMs = atMs;
    if (this.#level === 0) for (const done of [...this.#waiting]) done();
    this.#onChange?.(this.verdict, before);
  }
}

function nearlyFull(threshold: number): number {
  return threshold + (1 - threshold) * 0.75;
}

function update(resource: Resource, reading: Reading): void {
  resource.smoothed += (resource.value(reading) - resource.smoothed) * memoryOfLast;
  const { smoothed, threshold, criticalThreshold, state } = resource;
  const wasTight = state !== "calm";
  const isCritical =
    smoothed >= criticalThreshold * (state === "critical" ? releaseShare : 1) &&
    smoothed >= threshold;
  const isTight = smoothed >= threshold * (wasTight ? releaseShare : 1);
  resource.state = isCritical ? "critical" : isTight ? "tight" : "calm";
  if (wasTight !== (resource.state !== "calm")) resource.sinceMs = reading.atMs;
}

function ceilingOf({ state, ceiling, criticalCeiling }: Resource): number {
  if (state === "calm") return 0;
  return pressureLevels.indexOf(state === "tight" ? ceiling : criticalCeiling);
}

function levelAt(index: number): PressureLevel {
  return pressureLevels[index] ?? "normal";
}
