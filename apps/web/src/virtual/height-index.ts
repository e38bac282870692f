/**
 * The heights of a long list, as a Fenwick tree: reading where an item starts, finding the item at
 * a position and changing one height each take O(log n). Heights are in CSS pixels.
 */
export class HeightIndex {
  #heights: Float64Array;
  #tree: Float64Array;

  constructor(heights: ArrayLike<number>) {
    this.#heights = Float64Array.from(heights);
    this.#tree = new Float64Array(this.#heights.length + 1);
    for (let i = 1; i < this.#tree.length; i++) {
      this.#tree[i] = (this.#tree[i] ?? 0) + (this.#heights[i - 1] ?? 0);
      const parent = i + (i & -i);
      if (parent < this.#tree.length) {
        this.#tree[parent] = (this.#tree[parent] ?? 0) + (this.#tree[i] ?? 0);
      }
    }
  }

  get length(): number {
    return this.#heights.length;
  }

  get total(): number {
    return this.offset(this.length);
  }

  height(index: number): number {
    return this.#heights[index] ?? 0;
  }

  /** Where the item starts: the sum of the heights before it. */
  offset(index: number): number {
    let sum = 0;
    for (let i = Math.min(index, this.length); i > 0; i -= i & -i) sum += this.#tree[i] ?? 0;
    return sum;
  }

  set(index: number, height: number): void {
    const change = height - this.height(index);
    this.#heights[index] = height;
    for (let i = index + 1; i < this.#tree.length; i += i & -i) {
      this.#tree[i] = (this.#tree[i] ?? 0) + change;
    }
  }

  /** The item at `position`; the first or last one where the position lies outside. */
  at(position: number): number {
    let index = 0;
    let rest = position;
    for (let step = 1 << Math.floor(Math.log2(this.length || 1)); step > 0; step >>= 1) {
      const next = index + step;
      if (next <= this.length && (this.#tree[next] ?? 0) <= rest) {
        index = next;
        rest -= this.#tree[next] ?? 0;
      }
    }
    return Math.max(0, Math.min(index, this.length - 1));
  }
}
