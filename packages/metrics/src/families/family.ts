/** One line of the exposition, in the shape that the client library's registry renders. */
export type Sample = {
  metricName: string;
  labels: Record<string, string>;
  /** Labels that the samples of one child have in common: rendered once for each scrape and child. */
  sharedLabels?: Record<string, string>;
  value: number;
};

/** What the registry asks of a metric. */
export type Metric = {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  get(): { name: string; help: string; type: string; values: Sample[] };
};

const otherLabel = "other";

type Options<Child> = {
  name: string;
  help: string;
  labels: readonly string[];
  /** Label sets beyond this go to one whose labels are all "other". */
  maxChildren?: number;
  makeChild: () => Child;
  /** A label set had no room. */
  onOverflow?: (metric: string) => void;
};

/**
 * The children of a metric by their labels, bounded. A child is bound once, by whoever records, and
 * from then on costs a field access and no look-up.
 */
export class Family<Child> {
  readonly name: string;
  readonly help: string;
  readonly #options: Options<Child>;
  readonly #children = new Map<string, { labels: Record<string, string>; child: Child }>();

  constructor(options: Options<Child>) {
    this.name = options.name;
    this.help = options.help;
    this.#options = options;
  }

  /** The child of these label values, in the order of the labels' names. */
  with(...values: string[]): Child {
    const { labels, maxChildren = 500, makeChild, onOverflow } = this.#options;
    const key = values.join("\u0000");
    const known = this.#children.get(key);
    if (known) return known.child;
    if (this.#children.size >= maxChildren && values.some((value) => value !== otherLabel)) {
      onOverflow?.(this.name);
      return this.with(...labels.map(() => otherLabel));
    }
    const named = Object.fromEntries(labels.map((name, i) => [name, values[i] ?? ""]));
    const child = makeChild();
    this.#children.set(key, { labels: named, child });
    return child;
  }

  /** Forgets all children, for figures that are taken anew with each scrape. */
  clear(): void {
    this.#children.clear();
  }

  /** Forgets those whose labels are not to be kept: what they count has gone. */
  keepOnly(isKept: (labels: Readonly<Record<string, string>>) => boolean): void {
    for (const [key, { labels }] of this.#children) if (!isKept(labels)) this.#children.delete(key);
  }

  *[Symbol.iterator](): Iterator<[labels: Record<string, string>, child: Child]> {
    for (const { labels, child } of this.#children.values()) yield [labels, child];
  }
}
