import type { BalancedServer } from "@peregrine/protocol";
import { amount, seconds } from "./format.ts";
import { Table } from "./table.tsx";

const wrong = new Set(["cooling", "ejected", "down"]);

/** The servers behind a balancer as it sees them, each of which can be drained and taken back. */
export function BalancedServers(props: {
  servers: readonly BalancedServer[];
  onDrain: (id: string, isDrained: boolean) => void;
}) {
  return (
    <Table columns={["Server", "State", "In flight", "Weight", "First byte"]} hasActions>
      {props.servers.map((server) => {
        const isDraining = server.state === "draining";
        return (
          <tr key={server.id} data-state={wrong.has(server.state) ? "firing" : undefined}>
            <th scope="row">
              {server.id}
              {server.isBackup && " (backup)"}
            </th>
            <td>
              {server.state}
              {server.reason !== "" && `: ${server.reason}`}
            </td>
            <td>
              {amount(server.inFlight)}
              {server.maxInFlight !== null && ` of ${amount(server.maxInFlight)}`}
            </td>
            <td>
              {amount(server.weight)}
              {server.currentWeight !== server.weight && `, now ${amount(server.currentWeight)}`}
            </td>
            <td>{seconds(server.latencySeconds > 0 ? server.latencySeconds : null)}</td>
            <td>
              <button
                type="button"
                class="quiet-button"
                aria-label={`${isDraining ? "Take back" : "Drain"} ${server.id}`}
                onClick={() => props.onDrain(server.id, !isDraining)}
              >
                {isDraining ? "Take back" : "Drain"}
              </button>
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
