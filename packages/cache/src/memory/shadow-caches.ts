import type { FrequencySketch } from "./frequency-sketch.ts";
import { appendNewest, moveToNewest, oldest, PolicyNode, unlink } from "./policy-node.ts";
import { TinyLfu } from "./tiny-lfu.ts";

/**
 * Two small caches of keys without values that show what the extremes would have made of the same
 * requests: plain LRU (all window) and W-TinyLFU with a window of 1 % (nearly all main).
 *
 * Hill climbing alone needs dozens of samples to cross from one end to the other, and on a plateau
 * it does not find the way at all. The shadows follow one key in `2^n`, so many that about 128 to
 * 256 entries are enough, and the real cache is judged on the same keys: when it does worse than
 * the better extreme, `pull` says in which direction to go. Their cost is bounded whatever the
 * capacity: a few hundred nodes, and work on sampled keys alone.
 */
export class ShadowCaches {
  readonly #sampleMask: number;
  readonly #capacity: number;
  readonly #recent = new Map<number, PolicyNode>();
  readonly #recentOrder = new PolicyNode();
  readonly #frequent: TinyLfu<PolicyNode>;
  readonly #frequentNodes = new Map<number, PolicyNode>();
  #requests = 0;
  #actualHits = 0;
  #recentHits = 0;
  #frequentHits = 0;

  constructor(options: { capacity: number; sketch: FrequencySketch; random: () => number }) {
    let rate = 1;
    while (options.capacity / rate > MAX_ENTRIES) rate *= 2;
    this.#sampleMask = rate - 1;
    this.#capacity = Math.max(1, Math.round(options.capacity / rate));
    this.#frequent = new TinyLfu({
      capacity: this.#capacity,
      sketch: options.sketch,
      random: options.random,
      onEvict: (node) => this.#frequentNodes.delete(node.hash),
    });
  }

  follows(hash: number): boolean {
    return ((Math.imul(hash, 0x9e3779b1) >>> 8) & this.#sampleMask) === 0;
  }

  /** A followed key was asked for, and the real cache had it or not. */
  request(hash: number, hit: boolean): void {
    this.#requests++;
    if (hit) this.#actualHits++;
    this.#askRecent(hash);
    this.#askFrequent(hash);
  }

  /** 1: the window should grow; -1: shrink; 0: no extreme is clearly better than what we do. */
  pull(): -1 | 0 | 1 {
    if (this.#requests < MIN_REQUESTS) return 0;
    const enough = this.#actualHits + this.#requests * MARGIN;
    const recent = this.#recentHits;
    const frequent = this.#frequentHits;
    this.#requests *= KEPT;
    this.#actualHits *= KEPT;
    this.#recentHits *= KEPT;
    this.#frequentHits *= KEPT;
    if (recent > frequent && recent > enough) return 1;
    if (frequent > recent && frequent > enough) return -1;
    return 0;
  }

  #askRecent(hash: number): void {
    let node = this.#recent.get(hash);
    if (node !== undefined) {
      this.#recentHits++;
      moveToNewest(this.#recentOrder, node);
      return;
    }
    if (this.#recent.size < this.#capacity) node = new PolicyNode();
    else {
      node = oldest(this.#recentOrder) as PolicyNode;
      unlink(node);
      this.#recent.delete(node.hash);
    }
    node.hash = hash;
    this.#recent.set(hash, node);
    appendNewest(this.#recentOrder, node);
  }

  #askFrequent(hash: number): void {
    const known = this.#frequentNodes.get(hash);
    if (known !== undefined) {
      this.#frequentHits++;
      this.#frequent.hit(known);
      return;
    }
    const node = new PolicyNode();
    node.hash = hash;
    this.#frequentNodes.set(hash, node);
    this.#frequent.add(node);
  }
}

const MAX_ENTRIES = 256;
/** Fewer sampled requests than this say nothing. */
const MIN_REQUESTS = 256;
/** By how much of all requests an extreme must be better before it counts. */
const MARGIN = 0.03;
/** How much of the counts remains after a verdict, so that one verdict rests on about three. */
const KEPT = 0.7;
