import type { HistoryBody } from "@peregrine/protocol";
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { FigureView } from "./figure-list.ts";
import { showData } from "./show-data.ts";

const heightPx = 180;
const colours = ["--accent", "--chart-second", "--chart-third"];
const dashes = [undefined, [8, 4], [2, 3]];

type Props = {
  view: FigureView;
  history: HistoryBody;
  /** The same span a day earlier, drawn behind. */
  dayBefore: HistoryBody | null;
  /** Drawn anew when it changes, since a canvas knows no style sheet. */
  theme: string;
};

/** A figure over time. Drag to zoom, double-click for the whole. Lines differ by dashes too. */
export function Chart({ view, history, dayBefore, theme }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useMemo(() => dataOf(view, history, dayBefore), [view, history, dayBefore]);
  const lineCount = data.length;

  // Other data alone go into the chart that there is.
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(optionsFor(view, dayBefore !== null, element), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: heightPx }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [view, lineCount, theme]);

  useEffect(() => {
    if (plot.current) showData(plot.current, data);
  }, [data]);

  return <div class="chart" ref={place} role="img" aria-label={summaryOf(view, history)} />;
}

/** What the chart shows, for those who hear it. */
function summaryOf({ title, lines, format }: FigureView, { points }: HistoryBody): string {
  const told = lines.map(({ name, read }) => {
    const values = points.flatMap(({ figures }) => {
      const value = figures && read(figures);
      return value === null ? [] : [value];
    });
    if (values.length === 0) return `${name} unknown`;
    const last = values.at(-1) ?? null;
    return `${name} now ${format(last)}, from ${format(Math.min(...values))} to ${format(Math.max(...values))}`;
  });
  return `${title}: ${told.join("; ")}`;
}

function dataOf(
  { lines }: FigureView,
  { points }: HistoryBody,
  dayBefore: HistoryBody | null,
): uPlot.AlignedData {
  const times = points.map(({ at }) => Date.parse(at) / 1000);
  const series = lines.map(({ read }) =>
    points.map(({ figures }) => (figures ? read(figures) : null)),
  );
  if (dayBefore) {
    const [{ read }] = lines;
    // Point by point: where a day is no multiple of the step, they are less than one apart.
    series.push(
      times.map((_, i) => {
        const figures = dayBefore.points[i]?.figures;
        return figures ? read(figures) : null;
      }),
    );
  }
  return [times, ...series];
}

function optionsFor(
  { lines, format }: FigureView,
  hasDayBefore: boolean,
  element: HTMLElement,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--ink-faint"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui",
  };
  const drawn: uPlot.Series[] = lines.map(({ name }, i) => ({
    label: name,
    stroke: colour(colours[i % colours.length] ?? "--accent"),
    width: 1.5,
    ...(dashes[i] ? { dash: dashes[i] } : {}),
    value: (_, value) => format(value),
    points: { show: false },
  }));
  if (hasDayBefore) {
    drawn.push({
      label: `${lines[0].name}, the day before`,
      stroke: colour("--ink-faint"),
      width: 1,
      dash: [4, 4],
      value: (_, value) => format(value),
      points: { show: false },
    });
  }
  return {
    width: element.clientWidth,
    height: heightPx,
    series: [{}, ...drawn],
    axes: [
      axis,
      { ...axis, size: 64, values: (_, values) => values.map((value) => format(value)) },
    ],
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.05 : 1] } },
    cursor: { points: { show: false } },
  };
}
