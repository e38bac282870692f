import { ago, amount, percent, seconds } from "./format.ts";
import type { PerformanceState } from "./performance-state.ts";
import { Table } from "./table.tsx";

const silentMs = 60_000;

/** Each server's last minute. One that has gone silent says so. */
export function Servers({ state }: { state: PerformanceState }) {
  const servers = state.servers.value;
  return (
    <section aria-labelledby="performance-servers">
      <h2 id="performance-servers">Servers</h2>
      <Table
        columns={[
          "Server",
          "Requests a second",
          "p95",
          "Errors",
          "CPU",
          "Memory",
          "Answers",
          "Heard of",
        ]}
      >
        {servers.map(({ name, lastSeenAt, figures }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{amount(figures?.throughput)}</td>
            <td>{seconds(figures?.response_time.p95)}</td>
            <td>{percent(figures?.error_rate)}</td>
            <td>{percent(figures?.cpu)}</td>
            <td>{percent(figures?.memory)}</td>
            <td>{amount(figures?.running_answers)}</td>
            <td>
              {Date.now() - Date.parse(lastSeenAt) > silentMs && "silent, "}
              {ago(lastSeenAt)}
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
