import { expect, test } from "bun:test";
import { showData } from "./show-data.ts";

type Data = Parameters<typeof showData>[1];

/** A span of 900 seconds from a moment on. */
const span = (from: number, seconds = 900): Data => [[from, from + seconds / 2, from + seconds]];

function aPlot(data: Data, x: { min: number; max: number }) {
  const calls: unknown[] = [];
  const plot = {
    data,
    scales: { x },
    setData: (_data: Data, resets = true) => calls.push(resets ? "whole" : "kept"),
    setScale: (_key: string, { min, max }: { min: number; max: number }) => calls.push([min, max]),
  } as unknown as Parameters<typeof showData>[0];
  return { plot, calls };
}

test("a chart that shows its whole span goes on with it", () => {
  const { plot, calls } = aPlot(span(1000), { min: 1000, max: 1900 });
  showData(plot, span(1015));
  expect(calls).toEqual(["whole"]);
});

test("who looks closely stays where they look while the span moves on", () => {
  const { plot, calls } = aPlot(span(1000), { min: 1200, max: 1300 });
  showData(plot, span(1015));
  expect(calls).toEqual(["kept", [1200, 1300]]);
});

test("another span is shown as a whole", () => {
  const { plot, calls } = aPlot(span(1000), { min: 1200, max: 1300 });
  showData(plot, span(1000 - 2700, 3600));
  expect(calls).toEqual(["whole"]);
});

test("the same data are not drawn again", () => {
  const data = span(1000);
  const { plot, calls } = aPlot(data, { min: 1000, max: 1900 });
  showData(plot, data);
  expect(calls).toEqual([]);
});
