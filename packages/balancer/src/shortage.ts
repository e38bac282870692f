import { type Demand, offersModel } from "./demand.ts";
import { BalancerError } from "./errors.ts";
import { show } from "./numbers.ts";
import type { Server, ServerState } from "./server.ts";

export interface ShortageOptions {
  /** Whether probes end an ejection. */
  readonly probed: boolean;
  /** When a server that is down is asked again. */
  readonly downIntervalMs: number;
  /** A cool-down that ends within this long is waited for. */
  readonly maxWaitMs: number;
}

/**
 * Why no server took a request, as the error to be thrown; nothing when waiting helps: a server
 * that suits is only full, has its first probe under way, or cools down for a short while.
 */
export function findShortage(
  servers: readonly Server[],
  demand: Demand,
  now: number,
  options: ShortageOptions,
): BalancerError | undefined {
  const offering = servers.filter((server) => offersModel(server, demand.model));
  if (offering.length === 0 && servers.length > 0) {
    const words = `No server offers the model ${show(demand.model)}`;
    return new BalancerError("model_not_offered", words);
  }
  const counts = new Map<ServerState | "excluded", number>();
  let coolUntilMs = Number.POSITIVE_INFINITY;
  let wellAtMs = Number.POSITIVE_INFINITY;
  for (const server of offering) {
    const state = demand.exclude?.includes(server.id)
      ? "excluded"
      : stateFor(server, demand, now, options.probed);
    counts.set(state, (counts.get(state) ?? 0) + 1);
    if (state === "up" || state === "trial" || state === "unproven") return undefined;
    if (state === "cooling") {
      coolUntilMs = Math.min(coolUntilMs, server.cooldown.untilMsFor(demand.credential));
    } else if (state === "ejected") {
      wellAtMs = Math.min(wellAtMs, server.circuit.openUntilMs ?? now);
    } else if (state === "down") {
      wellAtMs = Math.min(wellAtMs, now + options.downIntervalMs);
    }
  }
  if (coolUntilMs - now <= options.maxWaitMs) return undefined;
  if (coolUntilMs < Number.POSITIVE_INFINITY) {
    const words = `Every server that is well asked to be left alone for a while (${list(counts)})`;
    return new BalancerError("servers_cooling_down", words, coolUntilMs - now);
  }
  const words = `None of ${offering.length} servers can take a request (${list(counts)})`;
  const retryAfterMs = wellAtMs < Number.POSITIVE_INFINITY ? wellAtMs - now : 1000;
  return new BalancerError("no_healthy_servers", words, retryAfterMs);
}

/** A server that is up may still cool down for one credential. */
function stateFor(server: Server, demand: Demand, now: number, probed: boolean): ServerState {
  const state = server.state(now, probed);
  const isCooling = server.cooldown.untilMsFor(demand.credential) > now;
  return state === "up" && isCooling ? "cooling" : state;
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([state, count]) => `${count} ${state}`).join(", ") || "the list is empty";
}
