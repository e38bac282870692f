import { querySeconds, waitSeconds } from "./buckets.ts";
import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { type Gauge, GaugeFamily } from "./families/gauge.ts";
import { type Histogram, HistogramFamily } from "./families/histogram.ts";
import type { Recorder, Value } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";

/** As much of what a database tells as is counted here. */
export type QueryFacts = {
  /** The operation: "conversations.list". */
  name: string;
  durationMs: number;
  waitMs: number;
  target: "primary" | "replica";
  error?: { code: string };
};
export type PoolFacts = { active: number; waiting: number; size: number };

type BoundQuery = { duration: Histogram; value: Value };

/** Statements and the pool that they run in. */
export class DatabaseMetrics {
  readonly #recorder: Recorder;
  readonly #durations: HistogramFamily;
  readonly #errors: CounterFamily;
  readonly #repeated: CounterFamily;
  readonly #wait: Histogram;
  readonly #up: Gauge;
  readonly #bound = new Map<string, BoundQuery>();

  constructor(exposition: Exposition, recorder: Recorder, onOverflow: (metric: string) => void) {
    this.#recorder = recorder;
    this.#durations = exposition.add(
      new HistogramFamily(
        {
          name: "database_query_duration_seconds",
          help: "Time from sending a statement to its last row.",
          labels: ["query_type", "table"],
          onOverflow,
        },
        querySeconds,
      ),
    );
    this.#errors = exposition.add(
      new CounterFamily({
        name: "database_errors_total",
        help: "Statements that failed.",
        labels: ["code"],
        onOverflow,
      }),
    );
    this.#repeated = exposition.add(
      new CounterFamily({
        name: "database_repeated_statements_total",
        help: "Requests that sent the same statement more than ten times.",
        labels: ["endpoint", "statement"],
        onOverflow,
      }),
    );
    const wait = exposition.add(
      new HistogramFamily(
        {
          name: "database_pool_wait_seconds",
          help: "Time that statements waited for a connection.",
          labels: [],
        },
        waitSeconds,
      ),
    );
    this.#wait = wait.with();
    this.#up = exposition
      .add(
        new GaugeFamily({
          name: "database_up",
          help: "Whether the database answered when it was last asked.",
          labels: [],
        }),
      )
      .with();
  }

  /** Called for each statement. */
  readonly onQuery = ({ name, durationMs, waitMs, target, error }: QueryFacts): void => {
    const { duration, value } = this.#bound.get(name) ?? this.#bind(name);
    duration.observe(durationMs / 1000);
    value.take(durationMs / 1000);
    this.#wait.observe(waitMs / 1000);
    if (target === "primary") this.#up.value = error?.code === "unavailable" ? 0 : 1;
    if (!error) return;
    this.#errors.with(error.code).value++;
    this.#recorder.count(series.queryErrors).value++;
  };

  /** Called once for each statement that a request sends over and over. */
  onRepeated(endpoint: string, statement: string): void {
    this.#repeated.with(endpoint, statement).value++;
  }

  /** @param read the pool's state, asked for with each scrape */
  watchPool(exposition: Exposition, read: () => PoolFacts): void {
    exposition.add(
      new GaugeFamily(
        {
          name: "database_pool_connections",
          help: "Statements that run and that wait, and how many can run at once.",
          labels: ["state"],
        },
        (gauges) => {
          const { active, waiting, size } = read();
          gauges.with("active").value = active;
          gauges.with("waiting").value = waiting;
          gauges.with("size").value = size;
        },
      ),
    );
  }

  /** A statement is named after its table and what it does there. */
  #bind(name: string): BoundQuery {
    const [table = name, queryType = name] = name.split(".");
    const bound = {
      duration: this.#durations.with(queryType, table),
      value: this.#recorder.value(series.query + name),
    };
    // As many as the application has statements; what would make more is a defect.
    if (this.#bound.size < 1000) this.#bound.set(name, bound);
    return bound;
  }
}
