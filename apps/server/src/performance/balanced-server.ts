import type { PoolSnapshot } from "@peregrine/balancer";
import type { BalancedServer } from "@peregrine/protocol";

/** Of this process' own balancer, or as the front door tells it. */
type Seen = Pick<
  PoolSnapshot["servers"][number],
  "id" | "reason" | "backup" | "weight" | "currentWeight" | "inFlight" | "latencyMs"
> & { state: string; maxInFlight?: number | null | undefined };

/** A server as its balancer sees it, for administrators. */
export function balancedServer(seen: Seen): BalancedServer {
  return {
    id: seen.id,
    state: seen.state,
    reason: seen.reason,
    isBackup: seen.backup,
    weight: seen.weight,
    currentWeight: seen.currentWeight,
    inFlight: seen.inFlight,
    maxInFlight: seen.maxInFlight ?? null,
    latencySeconds: seen.latencyMs / 1000,
  };
}
