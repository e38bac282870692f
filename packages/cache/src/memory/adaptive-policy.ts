import { FrequencySketch } from "./frequency-sketch.ts";
import { PolicyNode } from "./policy-node.ts";
import { type Shadow, ShadowCaches } from "./shadow-caches.ts";
import { TinyLfu } from "./tiny-lfu.ts";
import { WindowClimber } from "./window-climber.ts";

/** What it keeps of an entry. */
export class FollowedNode extends PolicyNode {
  /** Where the shadow caches have this key, if they follow it. */
  shadow: Shadow | undefined = undefined;
}

/**
 * The eviction policy of the memory layer: W-TinyLFU whose window follows the traffic.
 *
 * No fixed window is good at everything: traffic that favours the recent wants a large one, scans
 * and loops want none. Far from the best the shadow caches pull towards the better extreme; near it
 * hill climbing finds the rest. All of it is counting: a hit allocates nothing.
 */
export class AdaptivePolicy<N extends FollowedNode> {
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
    this.#lists = new TinyLfu({
      capacity,
      frequencyOf: (node) => this.#sketch.frequencyOf(node),
      random,
      onEvict: (node) => {
        this.#letGo(node);
        onEvict(node);
      },
    });
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

  /** How often an entry that is held was asked for lately, 0 to 15. */
  frequencyOf(node: N): number {
    return this.#sketch.frequencyOf(node);
  }

  hit(node: N): void {
    this.#sketch.use(node);
    this.#climber.hits++;
    if (node.shadow !== undefined) this.#hitFollowed(node, node.shadow);
    this.#lists.hit(node);
  }

  add(node: N): void {
    const { hash } = node;
    if (this.#lists.count >= this.#sketch.capacity) {
      this.#sketch.grow(Math.min(this.#capacity, this.#sketch.capacity * 2));
    }
    this.#sketch.increment(hash);
    this.#sketch.hold(node);
    this.#climber.misses++;
    node.shadow = this.#shadows.find(hash);
    if (node.shadow !== undefined) this.#shadows.request(node.shadow, false);
    this.#lists.add(node);
    this.#adapt();
  }

  remove(node: N): void {
    this.#lists.remove(node);
    this.#letGo(node);
  }

  reweigh(node: N, weight: number): void {
    this.#lists.reweigh(node, weight);
  }

  shrinkTo(weight: number): void {
    this.#lists.shrinkTo(weight);
  }

  #hitFollowed(node: N, shadow: Shadow): void {
    // The shadows know of uses from the counters alone.
    this.#sketch.raise(node.hash, node.uses);
    this.#shadows.request(shadow, true);
  }

  /** What the entry counted is not lost when it goes: the key may come again. */
  #letGo(node: N): void {
    this.#sketch.raise(node.hash, this.#sketch.frequencyOf(node));
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
