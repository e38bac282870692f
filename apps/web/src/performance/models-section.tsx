import type { ModelPerformanceBody } from "@peregrine/protocol";
import { BalancedServers } from "./balanced-servers.tsx";
import { amount, percent, seconds } from "./format.ts";
import type { Act } from "./performance-page.tsx";
import type { PerformanceState } from "./performance-state.ts";
import { Table } from "./table.tsx";

/** What each model server did. */
function ModelServerFigures({ servers }: Pick<ModelPerformanceBody, "servers">) {
  return (
    <Table
      columns={[
        "Model server",
        "Running here",
        "Asked",
        "Failed",
        "First token",
        "p95",
        "Tokens a second",
      ]}
    >
      {servers.map(({ id, inFlight, figures }) => (
        <tr key={id}>
          <th scope="row">{id}</th>
          <td>{amount(inFlight)}</td>
          <td>{amount(figures?.requests)}</td>
          <td>{amount(figures?.errors)}</td>
          <td>{seconds(figures?.first_token.p50)}</td>
          <td>{seconds(figures?.first_token.p95)}</td>
          <td>{amount(figures?.tokens)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** What each model did in the last minute, and the servers that it runs on. */
export function ModelsSection({ state, act }: { state: PerformanceState; act: Act }) {
  const models = state.models.value;
  if (!models) return null;
  const { interactive, background } = models.waiting;
  const waiting = interactive + background;
  return (
    <section aria-labelledby="performance-models">
      <h2 id="performance-models">Models</h2>
      <p class="settings-text">
        {waiting === 0
          ? "No question waits for a model server."
          : `${interactive} people wait for a model server, and ${background} pieces of background work.`}
      </p>
      <Table
        columns={[
          "Model",
          "Answers in the last minute",
          "Failed",
          "First token",
          "p95",
          "Tokens a second",
        ]}
      >
        {Object.entries(models.models).map(([name, { requests, errors, first_token, tokens }]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{amount(requests)}</td>
            <td>{percent(requests > 0 ? errors / requests : null)}</td>
            <td>{seconds(first_token.p50)}</td>
            <td>{seconds(first_token.p95)}</td>
            <td>{amount(tokens)}</td>
          </tr>
        ))}
      </Table>
      {models.servers.length > 0 && (
        <>
          <h3>Model servers in the last 5 minutes, as all servers saw them</h3>
          <ModelServerFigures servers={models.servers} />
          <h3>Model servers, as this server sees them</h3>
          <BalancedServers
            servers={models.servers}
            onDrain={(server, drained) =>
              void act(
                drained ? "It gets no new questions." : "It gets questions again.",
                "POST",
                "/models/drain",
                { server, drained },
              )
            }
          />
        </>
      )}
    </section>
  );
}
