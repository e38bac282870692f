import type { Recorder } from "./recorder.ts";
import { series } from "./series.ts";
import { emptySlot, mergeSlot, type TimedSlot } from "./slot.ts";
import { floorTo, type StepSeconds, steps } from "./steps.ts";
import { UnsavedSlots } from "./unsaved-slots.ts";

export type SlotStore = {
  /** Saves slots of this server; one that is there already is replaced. */
  save(slots: TimedSlot[]): Promise<void>;
  /** The slots of this server that began at these times, to go on with after a restart. */
  load(wanted: { step: StepSeconds; atMs: number }[]): Promise<TimedSlot[]>;
  /** Forgets what is older than it is kept for, of all servers. */
  prune(): Promise<void>;
};

type Options = {
  recorder: Recorder;
  store: SlotStore;
  /** Takes the figures that nobody counts as they happen, such as how many are connected. */
  beforeEach?: () => void;
  /** A second is over. */
  onSecond?: (slot: TimedSlot) => void;
  /** Saving failed. What was to be saved is tried again with the next. */
  onError: (error: unknown) => void;
  now?: () => number;
};

const saveEverySeconds = 15;
const pruneEverySeconds = 60;

/**
 * The figures of this server over time: each second's, gathered into 15 seconds and 5 minutes. The
 * last five minutes are held in memory; all are saved every 15 seconds, with the unfinished ones, so
 * that a crash loses no more than that, and a restart goes on where the last process ended.
 *
 * Nothing here is on the way of a request, and a database that is away delays it and no more.
 */
export class RollingWindows {
  readonly #options: Options;
  readonly #now: () => number;
  readonly #seconds: TimedSlot[] = [];
  /** The spans that are not over. */
  readonly #open = new Map<StepSeconds, TimedSlot>();
  readonly #unsaved = new UnsavedSlots();
  #secondMs: number;
  #saving: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  private constructor(options: Options) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#secondMs = floorTo(this.#now(), 1);
  }

  /** Goes on with what the last process of this server saved of the spans that are not over. */
  static async start(options: Options): Promise<RollingWindows> {
    const windows = new RollingWindows(options);
    const wanted = steps
      .slice(1)
      .map(({ seconds }) => ({ step: seconds, atMs: floorTo(windows.#now(), seconds) }));
    const loaded = await options.store.load(wanted).catch((error: unknown) => {
      options.onError(error);
      return [];
    });
    for (const slot of loaded) windows.#open.set(slot.step, slot);
    windows.#schedule();
    return windows;
  }

  /** The last five minutes of this server, oldest first. */
  get seconds(): readonly TimedSlot[] {
    return this.#seconds;
  }

  /** Saves what there is and ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#closeSecond();
    await this.#saving;
    await this.#save();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const untilNextMs = this.#secondMs + 1000 - this.#now();
    this.#timer = setTimeout(
      () => {
        this.#tick();
        this.#schedule();
      },
      Math.min(1000, Math.max(1, untilNextMs)),
    );
  }

  #tick(): void {
    const nowMs = this.#now();
    if (nowMs >= this.#secondMs && nowMs < this.#secondMs + 1000) return;
    this.#closeSecond();
    // A clock that was set, or a process that slept, leaves a gap and not a slot that is too long.
    this.#secondMs = floorTo(nowMs, 1);
    if ((this.#secondMs / 1000) % saveEverySeconds !== 0 || this.#saving) return;
    this.#saving = this.#save().finally(() => {
      this.#saving = undefined;
    });
  }

  #closeSecond(): void {
    const { recorder, beforeEach, onSecond } = this.#options;
    beforeEach?.();
    const second: TimedSlot = { step: 1, atMs: this.#secondMs, slot: recorder.take() };
    second.slot.counts.set(series.seconds, 1);
    this.#seconds.push(second);
    if (this.#seconds.length > steps[0].keptSeconds) this.#seconds.shift();
    this.#unsaved.add(second);
    for (const { seconds } of steps.slice(1)) this.#gather(seconds, second);
    onSecond?.(second);
  }

  #gather(step: StepSeconds, second: TimedSlot): void {
    const atMs = floorTo(second.atMs, step);
    let open = this.#open.get(step);
    if (open?.atMs !== atMs) {
      open = { step, atMs, slot: emptySlot() };
      this.#open.set(step, open);
    }
    mergeSlot(open.slot, second.slot);
    this.#unsaved.add(open);
  }

  async #save(): Promise<void> {
    const { store, onError } = this.#options;
    const saved = this.#unsaved.take();
    try {
      await store.save(saved);
      if ((this.#secondMs / 1000) % pruneEverySeconds === 0) await store.prune();
    } catch (error) {
      this.#unsaved.putBack(saved);
      onError(error);
    }
  }
}
