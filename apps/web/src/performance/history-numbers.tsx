import type { Figures, HistoryBody } from "@peregrine/protocol";
import { figureViews } from "./figure-list.ts";
import { count, exactPercent, type Format, percent } from "./format.ts";
import { Table } from "./table.tsx";

type Row = { name: string; format: Format; read: (figures: Figures) => number | null };

/** The charts' span as a whole in numbers: percentiles of all requests in it, and exact counts. */
export function HistoryNumbers(props: { history: HistoryBody; dayBefore: HistoryBody | null }) {
  const whole = props.history.whole;
  const before = props.dayBefore?.whole;
  if (!whole) return null;
  const columns = ["Figure", "The whole span"];
  if (props.dayBefore) columns.push("The day before");
  return (
    <details class="more-figures">
      <summary>In numbers</summary>
      <Table columns={columns}>
        {[...rows, ...cacheTypes(whole)].map(({ name, format, read }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{format(read(whole))}</td>
            {props.dayBefore && <td>{format(before && read(before))}</td>}
          </tr>
        ))}
      </Table>
    </details>
  );
}

const rows: readonly Row[] = [
  { name: "Requests", format: count, read: (figures) => figures.requests },
  { name: "Failed requests", format: count, read: (figures) => figures.errors },
  { name: "Cache reads", format: count, read: (figures) => figures.cache_reads },
  ...figureViews.flatMap(({ title, lines, format }) =>
    lines.map(({ name, read }) => ({
      name: lines.length > 1 ? `${title}: ${name}` : title,
      format: format === percent ? exactPercent : format,
      read,
    })),
  ),
];

function cacheTypes(whole: Figures): Row[] {
  return Object.keys(whole.cache_hit_ratio).map((type) => ({
    name: `Cache hit ratio: ${type}`,
    format: exactPercent,
    read: (figures) => figures.cache_hit_ratio[type] ?? null,
  }));
}
