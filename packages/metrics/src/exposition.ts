import { Registry } from "@prometheus-io/client";
import type { Metric } from "./families/family.ts";

/** How long a scrape may hold the event loop before it lets others go first. */
const sliceMs = 3;

/**
 * All metrics as Prometheus reads them. Rendered metric by metric, so that a scrape of ten thousand
 * lines does not hold up the requests that it measures.
 */
export class Exposition {
  readonly #registry = new Registry();
  readonly #names: string[] = [];
  readonly #beforeEach: (() => void)[] = [];

  get contentType(): string {
    return this.#registry.contentType;
  }

  add<M extends Metric>(metric: M): M {
    // The client's own type asks for one of its classes; what its registry calls is `get` alone.
    this.#registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
    this.#names.push(metric.name);
    return metric;
  }

  /** @param take sets what is only taken when somebody asks, before each rendering */
  beforeEach(take: () => void): void {
    this.#beforeEach.push(take);
  }

  async render(): Promise<string> {
    for (const take of this.#beforeEach) take();
    const parts: string[] = [];
    let sinceMs = performance.now();
    for (const name of this.#names) {
      parts.push(await this.#registry.getSingleMetricAsString(name));
      if (performance.now() - sinceMs < sliceMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      sinceMs = performance.now();
    }
    return `${parts.join("\n\n")}\n`;
  }
}
