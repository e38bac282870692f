import { Icon } from "../ui/icon.tsx";
import { BalancedServers } from "./balanced-servers.tsx";
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
      )}
    </section>
  );
}
