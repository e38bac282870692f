import type { DatabasePerformanceBody } from "@peregrine/protocol";
import type { DatabaseState } from "./database-state.ts";
import { ago, amount, bytes, percent, seconds } from "./format.ts";
import type { PerformanceState } from "./performance-state.ts";
import { Table } from "./table.tsx";

const shown = 12;

/** Where the database's time goes, and how full and how tidy it is. */
export function DatabaseSection(props: { state: PerformanceState; database: DatabaseState }) {
  const now = props.state.now.value;
  const overview = props.database.overview.value;
  if (!now) return null;
  const { connections_active, connections_waiting, connections_limit } = now.database_stats;
  return (
    <section aria-labelledby="performance-database">
      <h2 id="performance-database">Database</h2>
      <p class="settings-text">
        This server: {connections_active} of {connections_limit} connections in use,{" "}
        {connections_waiting} statements wait. {overview && describe(overview)}
      </p>
      <Operations state={props.state} />
      {overview && <SlowStatements statements={overview.slowStatements} />}
      {overview && <Tables tables={overview.tables} />}
      {overview && <Replicas replicas={overview.replication.replicas} />}
    </section>
  );
}

function describe({ version, sizeBytes, connections, hitRatio }: DatabasePerformanceBody): string {
  const { used, max, idleInTransaction, waitingForLock } = connections;
  const sentences = [
    `Postgres ${version}: ${bytes(sizeBytes)}, ${used} of ${max} connections`,
    `${percent(hitRatio.tables)} of the pages of tables and ${percent(hitRatio.indexes)} of those of indexes found in memory`,
  ];
  if (idleInTransaction > 0) sentences.push(`${idleInTransaction} idle in a transaction`);
  if (waitingForLock > 0) sentences.push(`${waitingForLock} wait for a lock`);
  return `${sentences.join(", ")}.`;
}

/** The application's own operations of the last minute, the costliest first. */
function Operations({ state }: { state: PerformanceState }) {
  const operations = Object.entries(state.now.value?.figures?.database ?? {})
    .map(([name, figures]) => ({ name, ...figures, total: figures.count * figures.mean }))
    .sort((a, b) => b.total - a.total)
    .slice(0, shown);
  return (
    <Table columns={["Statement", "Calls in the last minute", "Mean", "Longest", "All together"]}>
      {operations.map(({ name, count, mean, max, total }) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td>{amount(count)}</td>
          <td>{seconds(mean)}</td>
          <td>{seconds(max)}</td>
          <td>{seconds(total)}</td>
        </tr>
      ))}
    </Table>
  );
}

function SlowStatements(props: { statements: DatabasePerformanceBody["slowStatements"] }) {
  if (props.statements === null) {
    return (
      <p class="settings-text">
        Postgres keeps no figures of its statements: the extension pg_stat_statements is not there.
      </p>
    );
  }
  return (
    <details class="more-figures">
      <summary>Slowest statements since Postgres’ figures began</summary>
      <Table columns={["SQL", "Calls", "Mean", "All together", "Rows a call"]}>
        {props.statements.slice(0, shown).map(({ sql, calls, meanMs, totalMs, rowsPerCall }) => (
          <tr key={sql}>
            <th scope="row">
              <code class="statement">{sql}</code>
            </th>
            <td>{amount(calls)}</td>
            <td>{seconds(meanMs / 1000)}</td>
            <td>{seconds(totalMs / 1000)}</td>
            <td>{amount(rowsPerCall)}</td>
          </tr>
        ))}
      </Table>
    </details>
  );
}

function Tables({ tables }: Pick<DatabasePerformanceBody, "tables">) {
  return (
    <details class="more-figures">
      <summary>Tables</summary>
      <Table
        columns={["Table", "Size", "of which indexes", "Rows", "Dead rows", "Hits", "Vacuumed"]}
      >
        {tables.map((table) => (
          <tr key={table.name}>
            <th scope="row">{table.name}</th>
            <td>{bytes(table.sizeBytes)}</td>
            <td>{bytes(table.indexBytes)}</td>
            <td>{amount(table.rowsAlive)}</td>
            <td>{amount(table.rowsDead)}</td>
            <td>{percent(table.hitRatio)}</td>
            <td>{table.lastVacuumAt === null ? "not yet" : ago(table.lastVacuumAt)}</td>
          </tr>
        ))}
      </Table>
    </details>
  );
}

function Replicas({ replicas }: Pick<DatabasePerformanceBody["replication"], "replicas">) {
  if (replicas.length === 0) return null;
  return (
    <>
      <h3>Replicas</h3>
      <Table columns={["Replica", "State", "Behind", "Behind in bytes"]}>
        {replicas.map(({ name, state, lagMs, lagBytes }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{state}</td>
            <td>{seconds(lagMs === null ? null : lagMs / 1000)}</td>
            <td>{bytes(lagBytes)}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}
