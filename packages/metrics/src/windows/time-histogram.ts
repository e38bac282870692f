/** Buckets to an octave: neighbours are 9 % apart, so a percentile is within 4.5 % of the truth. */
const perOctave = 8;
/** A bucket ends exactly here, since an alert asks how many took longer. */
const edgeSeconds = 2;
/** From 2 µs below the edge's bucket to about 500 s above it. */
const below = 20 * perOctave;
const above = 8 * perOctave;
const bucketCount = below + above;

/** How often things took how long, from microseconds to minutes. Can be merged. */
export class TimeHistogram {
  /** Sparse: the counts by bucket. Bucket i ends at `upperSeconds(i)`. */
  readonly buckets: Map<number, number>;
  count: number;
  sumSeconds: number;

  constructor(buckets = new Map<number, number>(), sumSeconds = 0) {
    this.buckets = buckets;
    this.sumSeconds = sumSeconds;
    this.count = 0;
    for (const inBucket of buckets.values()) this.count += inBucket;
  }

  merge(other: TimeHistogram): void {
    for (const [bucket, count] of other.buckets) {
      this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + count);
    }
    this.count += other.count;
    this.sumSeconds += other.sumSeconds;
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
    return upperSeconds(last - 0.5);
  }

  /** How many took longer. Exact for two seconds, and otherwise to the bucket. */
  countAbove(seconds: number): number {
    const from = bucketOf(seconds) + 1;
    let count = 0;
    for (const [bucket, inBucket] of this.buckets) if (bucket >= from) count += inBucket;
    return count;
  }
}

/** The same while it is being filled: every bucket has its place, and to count is to add one. */
export class TimeRecorder {
  readonly #counts = new Float64Array(bucketCount);
  #sumSeconds = 0;
  #count = 0;

  observe(seconds: number): void {
    const bucket = bucketOf(seconds);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sumSeconds += seconds;
    this.#count++;
  }

  /** What was counted since the last call; null if nothing. */
  take(): TimeHistogram | null {
    if (this.#count === 0) return null;
    const buckets = new Map<number, number>();
    for (const [bucket, count] of this.#counts.entries()) {
      if (count > 0) buckets.set(bucket, count);
    }
    const taken = new TimeHistogram(buckets, this.#sumSeconds);
    this.#counts.fill(0);
    this.#sumSeconds = 0;
    this.#count = 0;
    return taken;
  }
}

function bucketOf(seconds: number): number {
  const bucket = Math.ceil(Math.log2(seconds / edgeSeconds) * perOctave) + below;
  // Not a number and what is not above zero, too, are in the first.
  return bucket > 0 ? Math.min(bucketCount - 1, bucket) : 0;
}

function upperSeconds(bucket: number): number {
  return edgeSeconds * 2 ** ((bucket - below) / perOctave);
}
