import { FrequencySketch } from "./frequency-sketch.ts";
import type { PolicyNode } from "./policy-node.ts";
import { ShadowCaches } from "./shadow-caches.ts";
import { TinyLfu } from "./tiny-lfu.ts";
import { WindowClimber } from "./window-climber.ts";

/**
 * The eviction policy of the memory layer: W-TinyLFU whose window follows the traffic.
 *
 * No fixed window is good at everything: traffic that favours the recent wants a large one, scans
 * and loops want none. Far from the best the shadow caches pull towards the better extreme; near it
 * hill climbing finds the rest. All of it is counting: a hit allocates nothing.
 */
export class AdaptivePolicy<N extends PolicyNode> {
  readonly #capacity: number;
  readonly #sketch: FrequencySketch;
  readonly #lists: TinyLfu<N>;
  readonly #shadows: ShadowCaches;
  readonly #climber = new WindowClimber();

  constructor(options: {
    /** In entries; an entry of ordinary size weighs 1. */
    capacity: number;
    random: () => number;
    onEvict: (node: N) => void;
  }) {
    const { capacity, random, onEvict } = options;
    this.#capacity = capacity;
    this.#sketch = new FrequencySketch(Math.min(capacity, FIRST_SKETCH));
    this.#lists = new TinyLfu({ capacity, sketch: this.#sketch, random, onEvict });
    this.#shadows = new ShadowCaches({ capacity, sketch: this.#sketch, random });
  }

  get weight(): number {
    return this.#lists.weight;
  }

  get count(): number {
    return this.#lists.count;
  }

  get windowShare(): number {
    return this.#lists.windowShare;
  }

  frequency(hash: number): number {
    return this.#sketch.frequency(hash);
  }

  hit(node: N): void {
    this.#sketch.increment(node.hash);
    this.#climber.hits++;
    if (node.sampled) this.#shadows.request(node.hash, true);
    this.#lists.hit(node);
  }

  add(node: N): void {
    const { hash } = node;
    if (this.#lists.count >= this.#sketch.capacity) {
      this.#sketch.grow(Math.min(this.#capacity, this.#sketch.capacity * 2));
    }
    this.#sketch.increment(hash);
    this.#climber.misses++;
    node.sampled = this.#shadows.follows(hash);
    if (node.sampled) this.#shadows.request(hash, false);
    this.#lists.add(node);
    this.#adapt();
  }

  remove(node: N): void {
    this.#lists.remove(node);
  }

  reweigh(node: N, weight: number): void {
    this.#lists.reweigh(node, weight);
  }

  shrinkTo(weight: number): void {
    this.#lists.shrinkTo(weight);
  }

  #adapt(): void {
    // While there is room nothing is evicted, and the ratio says nothing about the window.
    const full = this.#lists.weight >= this.#capacity / 2;
    const pull = this.#shadows.pull();
    if (pull !== 0) {
      this.#climber.restartSample();
      if (full) this.#lists.moveWindow(pull * PULL_STEP);
      return;
    }
    const entries = Math.min(this.#capacity, this.#lists.count);
    const change = this.#climber.adjust(Math.max(SAMPLE_PER_ENTRY * entries, MIN_SAMPLE));
    if (change !== 0 && full) this.#lists.moveWindow(change);
  }
}

const FIRST_SKETCH = 1024;
const PULL_STEP = 0.2;
const SAMPLE_PER_ENTRY = 10;
const MIN_SAMPLE = 500;
