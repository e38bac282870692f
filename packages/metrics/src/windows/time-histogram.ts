import assert from "node:assert";

/** Buckets to an octave: neighbours are 9 % apart, so a percentile is within 4.5 % of the truth. */
const perOctave = 8;
const plainEdgeSeconds = 2;
/** From a millionth of the edge to 256 times the edge: for 2 s, from 2 µs to about 500 s. */
const below = 20 * perOctave;
const above = 8 * perOctave;
const bucketCount = below + above;

/**
 * How often things took how long, from microseconds to minutes. Can be merged with others of the same
 * edge, on which a bucket ends exactly.
 */
export class TimeHistogram {
  readonly edgeSeconds: number;
  /** Sparse: the counts by bucket. Bucket i ends at `upperSeconds(i)`. */
  readonly buckets: Map<number, number>;
  count: number;

  constructor(edgeSeconds = plainEdgeSeconds, buckets = new Map<number, number>()) {
    this.edgeSeconds = edgeSeconds;
    this.buckets = buckets;
    this.count = 0;
    for (const inBucket of buckets.values()) this.count += inBucket;
  }

  merge(other: TimeHistogram): void {
    assert(other.edgeSeconds === this.edgeSeconds, "histograms of other buckets");
    for (const [bucket, count] of other.buckets) {
      this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + count);
    }
    this.count += other.count;
  }

  /** @returns the time that this share of all stayed below; null if there were none */
  quantile(share: number): number | null {
    if (this.count === 0) return null;
    const rank = Math.min(this.count, Math.max(1, Math.ceil(share * this.count)));
    let seen = 0;
    let last = 0;
    for (const bucket of [...this.buckets.keys()].sort((a, b) => a - b)) {
      last = bucket;
      seen += this.buckets.get(bucket) ?? 0;
      if (seen >= rank) break;
    }
    // The middle of the bucket, on the scale that its bounds are on.
    return upperSeconds(last - 0.5, this.edgeSeconds);
  }
}

/** The same while it is being filled: every bucket has its place, and to count is to add one. */
export class TimeRecorder {
  readonly #edgeSeconds: number;
  readonly #counts = new Float64Array(bucketCount);
  #count = 0;

  constructor(edgeSeconds = plainEdgeSeconds) {
    this.#edgeSeconds = edgeSeconds;
  }

  observe(seconds: number): void {
    const bucket = bucketOf(seconds, this.#edgeSeconds);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#count++;
  }

  /** What was counted since the last call; null if nothing. */
  take(): TimeHistogram | null {
    if (this.#count === 0) return null;
    const buckets = new Map<number, number>();
    for (const [bucket, count] of this.#counts.entries()) {
      if (count > 0) buckets.set(bucket, count);
    }
    const taken = new TimeHistogram(this.#edgeSeconds, buckets);
    this.#counts.fill(0);
    this.#count = 0;
    return taken;
  }
}

function bucketOf(seconds: number, edgeSeconds: number): number {
  const bucket = Math.ceil(Math.log2(seconds / edgeSeconds) * perOctave) + below;
  // Not a number and what is not above zero, too, are in the first.
  return bucket > 0 ? Math.min(bucketCount - 1, bucket) : 0;
}

function upperSeconds(bucket: number, edgeSeconds: number): number {
  return edgeSeconds * 2 ** ((bucket - below) / perOctave);
}
