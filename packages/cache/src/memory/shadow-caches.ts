import type { Counted, FrequencySketch } from "./frequency-sketch.ts";
import { appendNewest, moveToNewest, OUTSIDE, oldest, PolicyNode, unlink } from "./policy-node.ts";
import { TinyLfu } from "./tiny-lfu.ts";

/** A followed key: its place in each of the two shadow caches, if it has one there. */
export class Shadow {
  readonly recent = new RecentNode(this);
  readonly frequent = new FrequentNode(this);

  constructor(hash: number) {
    this.recent.hash = hash;
    this.frequent.hash = hash;
  }
}

/**
 * Two small caches of keys without values that show what the extremes would have made of the same
 * requests: plain LRU (all window) and W-TinyLFU with a window of 1 % (nearly all main).
 *
 * Hill climbing alone needs dozens of samples to cross from one end to the other, and on a plateau
 * it does not find the way at all. The shadows follow one key in `2^n`, so many that about 128 to
 * 256 entries are enough, and the real cache is judged on the same keys: when it does worse than
 * the better extreme, `pull` says in which direction to go. Their cost is bounded whatever the
 * capacity: a few hundred nodes, and work on sampled keys alone, which is moving list nodes where
 * the entry brings its shadow along.
 */
export class ShadowCaches {
  readonly #sampleMask: number;
  readonly #capacity: number;
  /** Those that are in at least one of the two, by hash. */
  readonly #shadows = new Map<number, Shadow>();
  readonly #recent = new PolicyNode();
  #recentCount = 0;
  readonly #frequent: TinyLfu<FrequentNode>;
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
      frequencyOf: (node) => options.sketch.frequencyOf(node),
      random: options.random,
      onEvict: ({ shadow }) => this.#forget(shadow),
    });
  }

  /** The shadow of a key that is followed; undefined: this one is not. */
  find(hash: number): Shadow | undefined {
    if (((Math.imul(hash, 0x9e3779b1) >>> 8) & this.#sampleMask) !== 0) return undefined;
    return this.#shadows.get(hash) ?? new Shadow(hash);
  }

  /** A followed key was asked for, so often as its node says, and the real cache had it or not. */
  request(shadow: Shadow, counted: Counted, hit: boolean): void {
    this.#requests++;
    if (hit) this.#actualHits++;
    if (!isIn(shadow)) this.#shadows.set(shadow.recent.hash, shadow);
    const { recent, frequent } = shadow;
    frequent.uses = counted.uses;
    frequent.halvings = counted.halvings;
    this.#askRecent(recent);
    this.#askFrequent(frequent);
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

  #askRecent(node: RecentNode): void {
    if (node.isIn) {
      this.#recentHits++;
      moveToNewest(this.#recent, node);
      return;
    }
    node.isIn = true;
    appendNewest(this.#recent, node);
    if (++this.#recentCount <= this.#capacity) return;
    const gone = oldest(this.#recent) as RecentNode;
    gone.isIn = false;
    unlink(gone);
    this.#recentCount--;
    this.#forget(gone.shadow);
  }

  #askFrequent(node: FrequentNode): void {
    if (node.region === OUTSIDE) this.#frequent.add(node);
    else {
      this.#frequentHits++;
      this.#frequent.hit(node);
    }
  }

  #forget(shadow: Shadow): void {
    if (!isIn(shadow)) this.#shadows.delete(shadow.recent.hash);
  }
}

class RecentNode extends PolicyNode {
  readonly shadow: Shadow;
  isIn = false;

  constructor(shadow: Shadow) {
    super();
    this.shadow = shadow;
  }
}

class FrequentNode extends PolicyNode {
  readonly shadow: Shadow;

  constructor(shadow: Shadow) {
    super();
    this.shadow = shadow;
  }
}

function isIn({ recent, frequent }: Shadow): boolean {
  return recent.isIn || frequent.region !== OUTSIDE;
}

const MAX_ENTRIES = 128;
/** Fewer sampled requests than this say nothing. */
const MIN_REQUESTS = 256;
/** By how much of all requests an extreme must be better before it counts. */
const MARGIN = 0.03;
/** How much of the counts remains after a verdict, so that one verdict rests on about three. */
const KEPT = 0.7;
