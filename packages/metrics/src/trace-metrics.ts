import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { GaugeFamily } from "./families/gauge.ts";

/** What became of the spans of traces, since the start. */
export type TraceFacts = {
  readonly exported: number;
  /** There was no room: they came faster than the collector took them, or it is away. */
  readonly dropped: number;
  /** The collector did not want them. */
  readonly refused: number;
  readonly waiting: number;
};

/** @param read asked with each scrape */
export function addTraceMetrics(exposition: Exposition, read: () => TraceFacts): void {
  const exported = exposition.add(
    new CounterFamily({
      name: "trace_spans_exported_total",
      help: "Spans that a collector took.",
      labels: [],
    }),
  );
  const dropped = exposition.add(
    new CounterFamily({
      name: "trace_spans_dropped_total",
      help: "Spans that no collector got, by why.",
      labels: ["reason"],
    }),
  );
  const waiting = exposition.add(
    new GaugeFamily({
      name: "trace_spans_waiting",
      help: "Spans that wait to be sent.",
      labels: [],
    }),
  );
  exposition.beforeEach(() => {
    const facts = read();
    exported.with().value = facts.exported;
    dropped.with("queue_full").value = facts.dropped;
    dropped.with("refused").value = facts.refused;
    waiting.with().value = facts.waiting;
  });
}
