import { HeightIndex } from "./height-index.ts";

/** The items to draw: `start` to `end` (exclusive), the first of them `top` pixels down. */
export type DrawnRange = { start: number; end: number; top: number };

/**
 * Which part of a long list to draw, and where, so that what the reader looks at never moves.
 *
 * Heights are estimates until measured. When something above the reader turns out taller, or older
 * items are put in front, everything below would jump. Setting the scroll position right away would
 * stop a wheel's or a finger's momentum, so the difference is first kept as `shift`: the list is
 * drawn that much higher or lower at an unchanged scroll position. {@link settle} folds it into the
 * scroll position; the caller does so when scrolling rests, or when an edge comes near.
 *
 * All positions are in CSS pixels; `scrollTop` is the scroller's own.
 */
export class VirtualWindow {
  #keys: readonly string[] = [];
  #positions = new Map<string, number>();
  #measured = new Map<string, number>();
  #heights = new HeightIndex([]);
  #shift = 0;

  get shift(): number {
    return this.#shift;
  }

  /** The height of the scrolled content. */
  get height(): number {
    return Math.max(0, this.#heights.total + this.#shift);
  }

  /**
   * Replaces the list. The item at the top of the view (or, where it is gone, the next one that is
   * still there) keeps its place.
   */
  setKeys(keys: readonly string[], estimate: (index: number) => number, scrollTop: number): void {
    const before = { keys: this.#keys, heights: this.#heights, shift: this.#shift };
    this.#keys = keys;
    this.#positions = new Map(keys.map((key, index) => [key, index]));
    for (const key of this.#measured.keys()) {
      if (!this.#positions.has(key)) this.#measured.delete(key);
    }
    this.#heights = new HeightIndex(
      keys.map((key, index) => this.#measured.get(key) ?? estimate(index)),
    );
    this.#shift = 0;
    for (let i = before.heights.at(scrollTop - before.shift); i < before.keys.length; i++) {
      const index = this.#positions.get(before.keys[i] as string);
      if (index === undefined) continue;
      this.#shift = before.heights.offset(i) + before.shift - this.#heights.offset(index);
      return;
    }
  }

  /** The place of an item; undefined where it is not in the list. */
  indexOf(key: string): number | undefined {
    return this.#positions.get(key);
  }

  /** Takes in measured heights. @returns whether any differed from what was known. */
  measure(heights: Iterable<readonly [key: string, height: number]>, scrollTop: number): boolean {
    const first = this.#heights.at(scrollTop - this.#shift);
    let changed = false;
    for (const [key, height] of heights) {
      const index = this.#positions.get(key);
      if (index === undefined) continue;
      this.#measured.set(key, height);
      const change = height - this.#heights.height(index);
      if (Math.abs(change) < 0.25) continue;
      changed = true;
      this.#heights.set(index, height);
      if (index < first) this.#shift -= change;
    }
    return changed;
  }

  /** What to draw for a view of `viewHeight` with `overscan` pixels more on both sides. */
  range(scrollTop: number, viewHeight: number, overscan: number): DrawnRange {
    if (this.#keys.length === 0) return { start: 0, end: 0, top: 0 };
    const position = scrollTop - this.#shift;
    const start = this.#heights.at(position - overscan);
    const end = this.#heights.at(position + viewHeight + overscan) + 1;
    return { start, end, top: this.top(start) };
  }

  /** Where the item starts in the scrolled content. */
  top(index: number): number {
    return this.#heights.offset(index) + this.#shift;
  }

  /** Whether the shift has to be settled now, since an edge of the list is within `margin`. */
  needsSettling(scrollTop: number, margin: number): boolean {
    if (this.#shift === 0) return false;
    return scrollTop < margin || scrollTop - this.#shift < margin;
  }

  /** Gives up the shift. @returns the scroll position at which everything stays where it is. */
  settle(scrollTop: number): number {
    const settled = scrollTop - this.#shift;
    this.#shift = 0;
    return Math.max(0, settled);
  }
}
