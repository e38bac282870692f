import { expect, test } from "bun:test";
import { readLoadHeader } from "./load-report.ts";

test("a report is read out of the header's JSON form", () => {
  expect(
    readLoadHeader(
      'JSON {"cpu_utilization":0.25,"rps_fractional":7,"named_metrics":{"event_loop_delay_ms":1.5,"running_answers":3,"other":1}}',
    ),
  ).toEqual({ cpuFraction: 0.25, eventLoopDelayMs: 1.5, runningAnswers: 3 });
});

test.each([
  "",
  "JSON",
  "JSON null",
  "JSON {",
  "TEXT cpu_utilization=0.25",
  '{"cpu_utilization":0.25}',
  'JSON {"cpu_utilization":0.25}',
  'JSON {"cpu_utilization":0.25,"named_metrics":null}',
  'JSON {"cpu_utilization":0.25,"named_metrics":{"event_loop_delay_ms":1}}',
  'JSON {"cpu_utilization":-1,"named_metrics":{"event_loop_delay_ms":1,"running_answers":3}}',
  'JSON {"cpu_utilization":"1","named_metrics":{"event_loop_delay_ms":1,"running_answers":3}}',
])("%j is no report", (value) => {
  expect(readLoadHeader(value)).toBeUndefined();
});
