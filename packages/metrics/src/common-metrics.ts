import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { GaugeFamily } from "./families/gauge.ts";

/**
 * What every exposition begins with: which version it comes from, and what was too much for it.
 *
 * @returns to be told of each label set that had no room
 */
export function addCommonMetrics(
  exposition: Exposition,
  { version }: { version: string },
): (metric: string) => void {
  const overflow = exposition.add(
    new CounterFamily({
      name: "metrics_overflow_total",
      help: 'Label sets that had no room and were counted under "other".',
      labels: ["metric"],
    }),
  );
  const build = exposition.add(
    new GaugeFamily({ name: "peregrine_build_info", help: "1.", labels: ["version"] }),
  );
  build.with(version).value = 1;
  return (metric) => {
    overflow.with(metric).value++;
  };
}
