import { expect, test } from "bun:test";
import { defaultRules } from "@peregrine/alerts";
import { type Figures, figuresOf, Metrics } from "@peregrine/metrics";

/** Where the figures of rules about times come from: what records one, its metric, what shows it. */
const times: Record<
  string,
  {
    record: (metrics: Metrics, seconds: number) => void;
    metric: string;
    shown: (figures: Figures) => number | null;
  }
> = {
  response_time_p95: {
    record: (metrics, seconds) => metrics.http.endpoint("GET", "/")(200, seconds),
    metric: "http_request_duration_seconds",
    shown: ({ response_time }) => response_time.p95,
  },
  first_token_p95: {
    record: (metrics, seconds) => metrics.models.begin("m").firstToken(seconds),
    metric: "model_time_to_first_token_seconds",
    shown: ({ first_token }) => first_token.p95,
  },
};

const rules = defaultRules.flatMap(({ id, expression, threshold }) => {
  const figure = /^(\w+_p\d\d)\[/.exec(expression)?.[1];
  return figure ? [[id, figure, threshold] as const] : [];
});

test("there are rules about times", () => {
  expect(rules.map(([, figure]) => figure).toSorted()).toEqual(Object.keys(times).toSorted());
});

test.each(rules)(
  "%s: %s is above %d s where it is, in the windows and in Prometheus",
  async (...rule) => {
    const [, figure, threshold] = rule;
    const { record, metric, shown } = times[figure] as (typeof times)[string];
    const above = async (seconds: number) => {
      const metrics = new Metrics({ version: "test" });
      record(metrics, seconds);
      const value = shown(figuresOf([metrics.recorder.take()], 1)) ?? Number.NaN;
      const text = await metrics.exposition.render();
      const below = new RegExp(`^${metric}_bucket\\{le="${threshold}"[^}]*\\} (\\d)$`, "m");
      return [value > threshold, below.exec(text)?.[1] === "0"];
    };
    expect(await above(threshold)).toEqual([false, false]);
    expect(await above(threshold * 1.000001)).toEqual([true, true]);
  },
);
