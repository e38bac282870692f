import { Registry } from "@prometheus-io/client";
import type { Metric } from "./families/family.ts";
import { TimeSlices } from "./time-slices.ts";

/** Lines that are rendered at once: less than a millisecond's work. */
const pieceLines = 1000;

type ClientMetric = Parameters<Registry["registerMetric"]>[0];

/**
 * All metrics as Prometheus reads them. Rendered a thousand lines at a time, also within one metric,
 * so that a scrape of ten thousand does not hold up the requests that it measures.
 */
export class Exposition {
  readonly #registry = new Registry();
  readonly #metrics: Metric[] = [];
  readonly #beforeEach: (() => void)[] = [];

  get contentType(): string {
    return this.#registry.contentType;
  }

  add<M extends Metric>(metric: M): M {
    this.#registry.registerMetric(asClients(metric));
    this.#metrics.push(metric);
    return metric;
  }

  /** @param take sets what is only taken when somebody asks, before each rendering */
  beforeEach(take: () => void): void {
    this.#beforeEach.push(take);
  }

  async render(): Promise<string> {
    for (const take of this.#beforeEach) take();
    const slices = new TimeSlices();
    let text = "";
    for (const metric of this.#metrics) {
      const { values, ...head } = metric.get();
      for (let from = 0; from === 0 || from < values.length; from += pieceLines) {
        const piece = { ...head, values: values.slice(from, from + pieceLines) };
        const rendered = await this.#registry.getMetricsAsString(asClients({ get: () => piece }));
        text += from === 0 ? rendered : rendered.slice(endOfHead(rendered));
        const pause = slices.pause();
        if (pause) await pause;
      }
      text += "\n\n";
    }
    return text.slice(0, -1);
  }
}

/** The client's own type asks for one of its classes; what its registry calls is `get` alone. */
function asClients(metric: Metric | Pick<Metric, "get">): ClientMetric {
  return metric as unknown as ClientMetric;
}

/** Where what follows HELP and TYPE begins, with the end of the line before it. */
function endOfHead(rendered: string): number {
  return rendered.indexOf("\n", rendered.indexOf("\n") + 1);
}
