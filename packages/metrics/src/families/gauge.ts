import { Family, type Metric } from "./family.ts";

/** A figure that goes up and down. NaN, until it is set, leaves the line out. */
export type Gauge = { value: number };

type Options = ConstructorParameters<typeof Family<Gauge>>[0];

export class GaugeFamily extends Family<Gauge> implements Metric {
  readonly type = "gauge";
  readonly #collect: ((gauges: GaugeFamily) => void) | undefined;

  /** @param collect sets the figures that are only taken when somebody asks */
  constructor(options: Omit<Options, "makeChild">, collect?: (gauges: GaugeFamily) => void) {
    super({ ...options, makeChild: () => ({ value: Number.NaN }) });
    this.#collect = collect;
  }

  get() {
    this.#collect?.(this);
    const values = [...this]
      .filter(([, { value }]) => !Number.isNaN(value))
      .map(([labels, { value }]) => ({ metricName: this.name, labels, value }));
    return { name: this.name, help: this.help, type: this.type, values };
  }
}
