import { type Figures, figuresOf } from "./figures.ts";
import { series } from "./series.ts";
import { emptySlot, mergeSlot, type Slot } from "./slot.ts";
import { floorTo, type StepSeconds, steps } from "./steps.ts";

export type HistoryRange = { fromMs: number; toMs: number; stepSeconds: number };

/** A slot of some server. */
export type ServerSlot = { server: string; atMs: number; slot: Slot };

/** Figures of a span; null where no server has told anything, which is not the same as zero. */
export type HistoryPoint = { atMs: number; servers: number; figures: Figures | null };

const maxPoints = 2000;
/** Slots are forgotten once a minute: who asks for all that is kept is not too late for it. */
const slackMs = 60_000;

/** A range that cannot be answered. The message says what would be right. */
export class HistoryRangeError extends Error {
  override readonly name = "HistoryRangeError";
  readonly field: "from" | "to" | "step";

  constructor(field: "from" | "to" | "step", message: string) {
    super(message);
    this.field = field;
  }
}

/**
 * Chooses the stored step for a range: the coarsest that its step is a multiple of and that reaches
 * back far enough, since that is the least to read.
 *
 * @throws HistoryRangeError
 */
export function storedStepFor(range: HistoryRange, nowMs: number): StepSeconds {
  const { fromMs, toMs, stepSeconds } = range;
  if (!(fromMs < toMs)) throw new HistoryRangeError("from", "The range must begin before it ends.");
  if (!Number.isInteger(stepSeconds) || stepSeconds < 1) {
    throw new HistoryRangeError("step", "The step must be a whole number of seconds, 1 at least.");
  }
  const points = (toMs - fromMs) / (stepSeconds * 1000);
  if (points > maxPoints) {
    const least = Math.ceil((toMs - fromMs) / (maxPoints * 1000));
    throw new HistoryRangeError(
      "step",
      `That is ${Math.ceil(points)} points; at most ${maxPoints} are given. The step must be ${least} seconds at least.`,
    );
  }
  const fitting = steps.filter(({ seconds }) => stepSeconds % seconds === 0);
  const chosen = fitting.findLast((step) => reaches(step, fromMs, nowMs));
  if (chosen) return chosen.seconds;
  const finest = finestFor(fromMs, nowMs);
  throw new HistoryRangeError(
    "step",
    `So far back the step must be a multiple of ${finest.seconds} seconds.`,
  );
}

/** The least of these steps that gives no more than so many points, and that slots are kept for. */
export function fittingStep(
  { fromMs, toMs }: Omit<HistoryRange, "stepSeconds">,
  nowMs: number,
  choice: readonly number[],
  points: number,
): number {
  const { seconds } = finestFor(fromMs, nowMs);
  const least = (toMs - fromMs) / (points * 1000);
  const fits = (step: number) => step >= least && step % seconds === 0;
  return choice.find(fits) ?? Math.max(1, Math.ceil(least / seconds)) * seconds;
}

/** @throws HistoryRangeError */
function finestFor(fromMs: number, nowMs: number): (typeof steps)[number] {
  const finest = steps.find((step) => reaches(step, fromMs, nowMs));
  if (finest) return finest;
  const oldest = Math.max(...steps.map(({ keptSeconds }) => keptSeconds));
  throw new HistoryRangeError("from", `Nothing is kept for longer than ${oldest / 86_400} days.`);
}

function reaches({ keptSeconds }: (typeof steps)[number], fromMs: number, nowMs: number): boolean {
  return fromMs >= nowMs - keptSeconds * 1000 - slackMs;
}

/**
 * Gathers slots into points, one for each step of the range, with histograms merged. Slots are added
 * and points are made one by one, so that whoever has many of them can let others go first.
 */
export class History {
  readonly #range: HistoryRange;
  readonly #nowMs: number;
  /** By when it began: what each server did in a span. */
  readonly #spans = new Map<number, Map<string, Slot>>();
  /** What each did in all the points that were made. */
  readonly #whole = new Map<string, Slot>();
  #toldSeconds = 0;

  constructor(range: HistoryRange, nowMs: number) {
    this.#range = range;
    this.#nowMs = nowMs;
  }

  add({ server, atMs, slot }: ServerSlot): void {
    const start = floorTo(atMs, this.#range.stepSeconds);
    const servers = this.#spans.get(start) ?? new Map<string, Slot>();
    this.#spans.set(start, servers);
    mergeSlot(slotOf(servers, server), slot);
  }

  /** To be read once. */
  *points(): Generator<HistoryPoint> {
    const { fromMs, toMs, stepSeconds } = this.#range;
    for (let atMs = floorTo(fromMs, stepSeconds); atMs < toMs; atMs += stepSeconds * 1000) {
      const span = this.#spans.get(atMs);
      if (!span) {
        yield { atMs, servers: 0, figures: null };
        continue;
      }
      const servers = [...span.values()];
      const seconds = this.#seconds(atMs, servers);
      this.#toldSeconds += seconds;
      for (const [server, slot] of span) mergeSlot(slotOf(this.#whole, server), slot);
      yield { atMs, servers: servers.length, figures: figuresOf(servers, seconds) };
    }
  }

  /** Of all points together, once they have been read; a second counts where somebody told of it. */
  get whole(): Figures | null {
    if (this.#toldSeconds === 0) return null;
    return figuresOf([...this.#whole.values()], this.#toldSeconds);
  }

  /** How long a span was; one that is not over is as long as what has been told of it. */
  #seconds(atMs: number, servers: readonly Slot[]): number {
    const { stepSeconds } = this.#range;
    if (atMs + stepSeconds * 1000 <= this.#nowMs) return stepSeconds;
    const told = Math.max(...servers.map(({ counts }) => counts.get(series.seconds) ?? 0));
    return told > 0 ? Math.min(told, stepSeconds) : stepSeconds;
  }
}

function slotOf(servers: Map<string, Slot>, server: string): Slot {
  const known = servers.get(server);
  if (known) return known;
  const made = emptySlot();
  servers.set(server, made);
  return made;
}
