import type uPlot from "uplot";

/** As much of a chart as is needed to give it other data. */
type Plot = Pick<uPlot, "data" | "setData" | "setScale"> & {
  scales: Record<string, { min?: number | undefined; max?: number | undefined }>;
};

/**
 * Gives a chart other data. Who looks closely at a part of it stays there while the same span moves
 * on, and sees the whole of another span.
 */
export function showData(plot: Plot, data: uPlot.AlignedData): void {
  if (plot.data === data) return;
  const { min, max } = plot.scales.x ?? {};
  const [before] = plot.data;
  const isWhole = min === before[0] && max === before.at(-1);
  const [wasSeconds, isSeconds] = [lengthOf(before), lengthOf(data[0])];
  const isOtherSpan = Math.abs(isSeconds - wasSeconds) > 0.1 * wasSeconds;
  if (isWhole || isOtherSpan || min === undefined || max === undefined) {
    plot.setData(data);
    return;
  }
  plot.setData(data, false);
  plot.setScale("x", { min, max });
}

function lengthOf(times: ArrayLike<number>): number {
  return (times[times.length - 1] ?? 0) - (times[0] ?? 0);
}
