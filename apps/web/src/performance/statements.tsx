import { amount, seconds } from "./format.ts";
import type { PerformanceState } from "./performance-state.ts";

const shown = 12;

/** Where the database's time goes: the statements of the last minute, the costliest first. */
export function Statements({ state }: { state: PerformanceState }) {
  const now = state.now.value;
  if (!now) return null;
  const statements = Object.entries(now.figures?.database ?? {})
    .map(([name, figures]) => ({ name, ...figures, total: figures.count * figures.mean }))
    .sort((a, b) => b.total - a.total)
    .slice(0, shown);
  const { connections_active, connections_waiting, connections_limit } = now.database_stats;
  return (
    <section aria-labelledby="performance-database">
      <h2 id="performance-database">Database</h2>
      <p class="settings-text">
        {connections_active} of {connections_limit} connections in use, {connections_waiting}{" "}
        statements wait.
      </p>
      <div class="table-scroll">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Statement</th>
              <th scope="col">Calls in the last minute</th>
              <th scope="col">Mean</th>
              <th scope="col">Longest</th>
              <th scope="col">All together</th>
            </tr>
          </thead>
          <tbody>
            {statements.map(({ name, count, mean, max, total }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{amount(count)}</td>
                <td>{seconds(mean)}</td>
                <td>{seconds(max)}</td>
                <td>{seconds(total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
