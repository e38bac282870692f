import {
  appendNewest,
  moveToNewest,
  OUTSIDE,
  oldest,
  PolicyNode,
  PROBATION,
  PROTECTED,
  unlink,
  WINDOW,
} from "./policy-node.ts";

/**
 * W-TinyLFU with a window of a given size: which entries to keep.
 *
 * A new entry enters the window (LRU). What falls out of the window has to beat the entry that main
 * would give up next: it stays only when it was asked for more often, times what each costs to load
 * again. Main is a segmented LRU: on probation until asked for once more, then protected, which is
 * 80 % of main at most.
 *
 * Knows nodes and weights only; how often each was asked for is the caller's to count. Every operation is
 * constant time but for the evictions it causes, and a hit allocates nothing. `onEvict` is called
 * for each entry given up, after it has left the lists: it may be the one just added.
 */
export class TinyLfu<N extends PolicyNode> {
  readonly #capacity: number;
  readonly #frequencyOf: (node: N) => number;
  readonly #random: () => number;
  readonly #onEvict: (node: N) => void;
  readonly #window = new PolicyNode();
  readonly #probation = new PolicyNode();
  readonly #protected = new PolicyNode();
  #windowWeight = 0;
  #protectedWeight = 0;
  #weight = 0;
  #count = 0;
  #moves = 0;
  #windowLimit: number;
  #protectedLimit: number;

  constructor(options: {
    capacity: number;
    /** How often it was asked for of late. */
    frequencyOf: (node: N) => number;
    random: () => number;
    onEvict: (node: N) => void;
  }) {
    this.#capacity = options.capacity;
    this.#frequencyOf = options.frequencyOf;
    this.#random = options.random;
    this.#onEvict = options.onEvict;
    this.#windowLimit = Math.max(1, options.capacity * INITIAL_WINDOW);
    this.#protectedLimit = (options.capacity - this.#windowLimit) * PROTECTED_SHARE;
  }

  get weight(): number {
    return this.#weight;
  }

  get count(): number {
    return this.#count;
  }

  /** The window's share of the capacity, 0 to 1. */
  get windowShare(): number {
    return this.#windowLimit / this.#capacity;
  }

  hit(node: N): void {
    if (node.region === PROBATION) {
      this.#promote(node);
      return;
    }
    // Still among the newest: moving it would touch its neighbours in memory and change little.
    if (this.#moves - node.movedAt < this.#count >> NEWEST_SHARE_BITS) return;
    node.movedAt = ++this.#moves;
    if (node.region === WINDOW) moveToNewest(this.#window, node);
    else if (node.region === PROTECTED) moveToNewest(this.#protected, node);
  }

  /** Takes a new entry in, and evicts until all fit again. */
  add(node: N): void {
    this.#count++;
    this.#weight += node.weight;
    this.#enterWindow(node);
    this.#evict();
  }

  /** Takes an entry out that was deleted or has expired. */
  remove(node: N): void {
    if (node.region === OUTSIDE) return;
    if (node.region === WINDOW) this.#windowWeight -= node.weight;
    else if (node.region === PROTECTED) this.#protectedWeight -= node.weight;
    this.#weight -= node.weight;
    this.#count--;
    node.region = OUTSIDE;
    unlink(node);
  }

  /** The entry became heavier or lighter. */
  reweigh(node: N, weight: number): void {
    const change = weight - node.weight;
    node.weight = weight;
    if (node.region === OUTSIDE) return;
    if (node.region === WINDOW) this.#windowWeight += change;
    else if (node.region === PROTECTED) this.#protectedWeight += change;
    this.#weight += change;
    if (change > 0) this.#evict();
  }

  /** Evicts what main would give up first until at most `target` of weight is left. */
  shrinkTo(target: number): void {
    while (this.#weight > target) {
      const victim = this.#nextVictim();
      if (victim === undefined) return;
      this.#drop(victim as N);
    }
  }

  /** Changes the window's share by `change` (-1 to 1). Evicts nothing: entries change sides. */
  moveWindow(change: number): void {
    const limit = this.#windowLimit + change * this.#capacity;
    this.#windowLimit = Math.min(Math.max(limit, 1), this.#capacity);
    this.#protectedLimit = (this.#capacity - this.#windowLimit) * PROTECTED_SHARE;
    this.#demoteOverflow();
    let node = oldest(this.#probation);
    while (node !== undefined && this.#windowWeight + node.weight <= this.#windowLimit) {
      unlink(node);
      this.#enterWindow(node);
      node = oldest(this.#probation);
    }
    this.#leaveWindow();
  }

  #enterWindow(node: PolicyNode): void {
    node.region = WINDOW;
    node.movedAt = ++this.#moves;
    appendNewest(this.#window, node);
    this.#windowWeight += node.weight;
  }

  /** Puts what the window has too much of on probation; gives the first of them. */
  #leaveWindow(): PolicyNode | undefined {
    let first: PolicyNode | undefined;
    while (this.#windowWeight > this.#windowLimit) {
      const node = oldest(this.#window);
      if (node === undefined) break;
      unlink(node);
      this.#windowWeight -= node.weight;
      node.region = PROBATION;
      appendNewest(this.#probation, node);
      first ??= node;
    }
    return first;
  }

  #promote(node: N): void {
    unlink(node);
    node.region = PROTECTED;
    node.movedAt = ++this.#moves;
    appendNewest(this.#protected, node);
    this.#protectedWeight += node.weight;
    this.#demoteOverflow();
  }

  #demoteOverflow(): void {
    while (this.#protectedWeight > this.#protectedLimit) {
      const node = oldest(this.#protected);
      if (node === undefined) return;
      unlink(node);
      this.#protectedWeight -= node.weight;
      node.region = PROBATION;
      appendNewest(this.#probation, node);
    }
  }

  #evict(): void {
    let candidate = this.#leaveWindow();
    let spared = 0;
    while (this.#weight > this.#capacity) {
      const victim = this.#nextVictim();
      if (victim === undefined) return;
      if (candidate === undefined || candidate === victim) {
        candidate = undefined;
        this.#drop(victim as N);
      } else if (this.#admits(candidate, victim)) {
        this.#drop(victim as N);
      } else if (
        victim.cost > candidate.cost &&
        victim.region === PROBATION &&
        spared < MAX_SPARED
      ) {
        // It is kept for its cost alone. Something cheaper may stand behind it.
        spared++;
        moveToNewest(this.#probation, victim);
      } else {
        const rejected = candidate;
        candidate = candidate.next === this.#probation ? undefined : candidate.next;
        this.#drop(rejected as N);
      }
    }
  }

  #nextVictim(): PolicyNode | undefined {
    return oldest(this.#probation) ?? oldest(this.#protected) ?? oldest(this.#window);
  }

  #admits(candidate: PolicyNode, victim: PolicyNode): boolean {
    const frequency = this.#frequencyOf(candidate as N);
    // The candidate has just been asked for; the victim's turn may be still to come. Without that one,
    // a loop a little larger than the cache makes keys of equal worth push each other out for ever.
    const victims = this.#frequencyOf(victim as N) + 1;
    if (frequency * candidate.cost > victims * victim.cost) return true;
    // Who could make keys collide would keep a victim's count high for ever: chance breaks that.
    return frequency >= WARM_FREQUENCY && this.#random() < LUCKY_ADMISSION;
  }

  #drop(node: N): void {
    this.remove(node);
    this.#onEvict(node);
  }
}

const INITIAL_WINDOW = 0.01;
const PROTECTED_SHARE = 0.8;
/** Dear entries passed over in one eviction, so that its work stays bounded. */
const MAX_SPARED = 8;
/** What was moved within the last quarter of as many moves as there are entries is not moved again. */
const NEWEST_SHARE_BITS = 2;
const WARM_FREQUENCY = 6;
const LUCKY_ADMISSION = 1 / 128;
