import type { EdgeCacheFigures } from "@peregrine/protocol";
import { Icon } from "../ui/icon.tsx";
import { BalancedServers } from "./balanced-servers.tsx";
import { amount, bytes, percent } from "./format.ts";
import type { Act } from "./performance-page.tsx";
import type { PerformanceState } from "./performance-state.ts";

/** The servers behind the front door, where this server knows of one. */
export function FrontDoorSection({ state, act }: { state: PerformanceState; act: Act }) {
  const balancer = state.balancer.value;
  if (!balancer || balancer.door === "none") return null;
  return (
    <section aria-labelledby="performance-front-door">
      <h2 id="performance-front-door">Front door</h2>
      {balancer.error ? (
        <p class="settings-text">
          <Icon name="alert" size={16} /> {balancer.error.message}
        </p>
      ) : (
        <>
          {balancer.cache && <EdgeCacheLine {...balancer.cache} />}
          <BalancedServers
            servers={balancer.servers}
            onDrain={(server, drained) =>
              void act(
                drained ? "It gets no new requests." : "It gets requests again.",
                "POST",
                "/balancer/drain",
                { server, drained },
              )
            }
          />
        </>
      )}
    </section>
  );
}

function EdgeCacheLine({ requests, hitRatio, entries, bytes: size }: EdgeCacheFigures) {
  return (
    <p class="settings-text">
      {hitRatio === null
        ? "Nothing was asked of its cache since the door started."
        : `Since the door started its cache answered ${percent(hitRatio)} of ${amount(requests)} requests that it may answer.`}{" "}
      It keeps {amount(entries)} responses, {bytes(size)}.
    </p>
  );
}
