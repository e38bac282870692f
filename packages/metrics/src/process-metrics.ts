import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { GaugeFamily } from "./families/gauge.ts";

/** What a process is told by in every exposition: its CPU time, and since when it runs. */
export function addProcessMetrics(exposition: Exposition): void {
  const cpu = exposition.add(
    new CounterFamily({
      name: "process_cpu_seconds_total",
      help: "CPU time of this process.",
      labels: [],
    }),
  );
  const start = exposition.add(
    new GaugeFamily({
      name: "process_start_time_seconds",
      help: "When this process began, since 1970.",
      labels: [],
    }),
  );
  start.with().value = Date.now() / 1000 - process.uptime();
  exposition.beforeEach(() => {
    const { user, system } = process.cpuUsage();
    cpu.with().value = (user + system) / 1e6;
  });
}
