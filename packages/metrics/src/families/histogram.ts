import { Family, type Metric, type Sample } from "./family.ts";

/** Counts of values by upper bound, and their sum. */
export class Histogram {
  readonly bounds: readonly number[];
  /** One for each bound and one for what is above the last; not cumulative. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] as number)) index++;
    counts[index] = (counts[index] as number) + 1;
    this.sum += value;
  }
}

type Options = ConstructorParameters<typeof Family<Histogram>>[0];

export class HistogramFamily extends Family<Histogram> implements Metric {
  readonly type = "histogram";

  /** @param bounds ascending, in the metric's unit */
  constructor(options: Omit<Options, "makeChild">, bounds: readonly number[]) {
    super({ ...options, makeChild: () => new Histogram(bounds) });
  }

  get() {
    const values: Sample[] = [];
    for (const [labels, histogram] of this) this.#add(values, labels, histogram);
    return { name: this.name, help: this.help, type: this.type, values };
  }

  #add(
    values: Sample[],
    sharedLabels: Record<string, string>,
    { bounds, counts, sum }: Histogram,
  ): void {
    const add = (suffix: string, labels: Record<string, string>, value: number) =>
      values.push({ metricName: this.name + suffix, labels, sharedLabels, value });
    let count = 0;
    for (const [i, inBucket] of counts.entries()) {
      count += inBucket;
      add("_bucket", { le: i < bounds.length ? String(bounds[i]) : "+Inf" }, count);
    }
    add("_sum", {}, sum);
    add("_count", {}, count);
  }
}
