import { requestSeconds } from "./buckets.ts";
import type { Exposition } from "./exposition.ts";
import { type Counter, CounterFamily } from "./families/counter.ts";
import { type Histogram, HistogramFamily } from "./families/histogram.ts";
import type { Recorder } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";

type OnOverflow = (metric: string) => void;

/** Counts the requests of one route. Made once for each; to record is a handful of additions. */
export type EndpointRecorder = (statusCode: number, seconds: number) => void;

/** Requests by method, route and status. */
export class HttpMetrics {
  readonly #duration: HistogramFamily;
  readonly #total: CounterFamily;
  readonly #recorder: Recorder;

  constructor(exposition: Exposition, recorder: Recorder, onOverflow: OnOverflow) {
    const labels = ["method", "endpoint", "status_code"];
    this.#recorder = recorder;
    this.#duration = exposition.add(
      new HistogramFamily(
        {
          name: "http_request_duration_seconds",
          help: "Time from taking a request to the beginning of its response.",
          labels,
          onOverflow,
        },
        requestSeconds,
      ),
    );
    this.#total = exposition.add(
      new CounterFamily({
        name: "http_requests_total",
        help: "Requests that were answered.",
        labels,
        onOverflow,
      }),
    );
  }

  /** @param endpoint the route's template, never a path: each one is a series */
  endpoint(method: string, endpoint: string): EndpointRecorder {
    const byStatus = new Map<number, { total: Counter; duration: Histogram }>();
    const requests = this.#recorder.count(series.requests);
    const errors = this.#recorder.count(series.errors);
    const times = this.#recorder.time(series.responseTime);
    const bind = (statusCode: number) => {
      const labels = [method, endpoint, String(statusCode)];
      const bound = {
        total: this.#total.with(...labels),
        duration: this.#duration.with(...labels),
      };
      byStatus.set(statusCode, bound);
      return bound;
    };
    return (statusCode, seconds) => {
      const { total, duration } = byStatus.get(statusCode) ?? bind(statusCode);
      total.value++;
      duration.observe(seconds);
      requests.value++;
      if (statusCode >= 500) errors.value++;
      times.observe(seconds);
    };
  }
}
