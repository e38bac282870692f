import { type Figures, figuresOf } from "./figures.ts";
import { emptySlot, mergeSlot, type Slot } from "./slot.ts";
import { floorTo, type StepSeconds, steps } from "./steps.ts";

export type HistoryRange = { fromMs: number; toMs: number; stepSeconds: number };

/** A slot of some server. */
export type ServerSlot = { server: string; atMs: number; slot: Slot };

/** Figures of a span; null where no server has told anything, which is not the same as zero. */
type HistoryPoint = { atMs: number; servers: number; figures: Figures | null };

export type History = {
  points: HistoryPoint[];
  /** Of all points together; a second counts where somebody told of it. */
  whole: Figures | null;
};

const maxPoints = 2000;

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
  const reaching = fitting.filter(({ keptSeconds }) => fromMs >= nowMs - keptSeconds * 1000);
  const chosen = reaching.at(-1);
  if (chosen) return chosen.seconds;
  const oldest = Math.max(...steps.map(({ keptSeconds }) => keptSeconds));
  if (fromMs < nowMs - oldest * 1000) {
    throw new HistoryRangeError("from", `Nothing is kept for longer than ${oldest / 86_400} days.`);
  }
  const needed = steps.find(({ keptSeconds }) => fromMs >= nowMs - keptSeconds * 1000);
  throw new HistoryRangeError(
    "step",
    `So far back the step must be a multiple of ${needed?.seconds} seconds.`,
  );
}

/** Gathers slots into points, one for each step of the range, with histograms merged. */
export function historyOf(slots: Iterable<ServerSlot>, range: HistoryRange): History {
  const { stepSeconds } = range;
  const spans = new Map<number, Map<string, Slot>>();
  for (const { server, atMs, slot } of slots) {
    const start = floorTo(atMs, stepSeconds);
    const servers = spans.get(start) ?? new Map<string, Slot>();
    spans.set(start, servers);
    mergeSlot(slotOf(servers, server), slot);
  }
  const whole = new Map<string, Slot>();
  let toldSeconds = 0;
  const points: HistoryPoint[] = [];
  for (
    let atMs = floorTo(range.fromMs, stepSeconds);
    atMs < range.toMs;
    atMs += stepSeconds * 1000
  ) {
    const span = spans.get(atMs);
    const servers = [...(span?.values() ?? [])];
    const figures = servers.length > 0 ? figuresOf(servers, stepSeconds) : null;
    points.push({ atMs, servers: servers.length, figures });
    if (!span) continue;
    for (const [server, slot] of span) mergeSlot(slotOf(whole, server), slot);
    toldSeconds += stepSeconds;
  }
  return {
    points,
    whole: toldSeconds > 0 ? figuresOf([...whole.values()], toldSeconds) : null,
  };
}

function slotOf(servers: Map<string, Slot>, server: string): Slot {
  const known = servers.get(server);
  if (known) return known;
  const made = emptySlot();
  servers.set(server, made);
  return made;
}
