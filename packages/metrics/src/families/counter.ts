import { Family, type Metric } from "./family.ts";

/** A count that only grows. */
export type Counter = { value: number };

type Options = ConstructorParameters<typeof Family<Counter>>[0];

export class CounterFamily extends Family<Counter> implements Metric {
  readonly type = "counter";

  constructor(options: Omit<Options, "makeChild">) {
    super({ ...options, makeChild: () => ({ value: 0 }) });
  }

  get() {
    const values = [...this].map(([labels, { value }]) => ({
      metricName: this.name,
      labels,
      value,
    }));
    return { name: this.name, help: this.help, type: this.type, values };
  }
}
