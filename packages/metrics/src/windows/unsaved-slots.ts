import type { TimedSlot } from "./slot.ts";
import type { StepSeconds } from "./steps.ts";

/** Of each step: five minutes of seconds, over an hour of 15 seconds, a day of 5 minutes. */
const maxOfStep = 300;

/**
 * Slots that wait to be saved. While the database is away the latest of each step stay, so that no
 * more than the finest is lost, which would be forgotten anyway by the time it could be saved.
 */
export class UnsavedSlots {
  readonly #steps = new Map<StepSeconds, Map<number, TimedSlot>>();

  /** Slots of a step come in order of time, the one that is not over again and again. */
  add(slot: TimedSlot): void {
    const waiting = this.#steps.get(slot.step) ?? new Map<number, TimedSlot>();
    this.#steps.set(slot.step, waiting);
    waiting.set(slot.atMs, slot);
    if (waiting.size <= maxOfStep) return;
    const [oldest] = waiting.keys();
    if (oldest !== undefined) waiting.delete(oldest);
  }

  /** All, to be saved now. */
  take(): TimedSlot[] {
    const slots = [...this.#steps.values()].flatMap((waiting) => [...waiting.values()]);
    this.#steps.clear();
    return slots;
  }

  /** Those that were taken could not be saved; what came meanwhile of the same span is newer. */
  putBack(taken: readonly TimedSlot[]): void {
    const later = this.take();
    for (const slot of [...taken, ...later]) this.add(slot);
  }
}
