import { Icon } from "../ui/icon.tsx";
import { figureViews } from "./figure-list.ts";
import type { PerformanceState } from "./performance-state.ts";
import { Sparkline } from "./sparkline.tsx";

/** The key figures of this server now, each with its last two minutes. */
export function Tiles({ state }: { state: PerformanceState }) {
  const seconds = state.seconds.value;
  const latest = seconds.at(-1);
  const firing = new Set(
    state.alerts.value?.alerts
      .filter((alert) => alert.state === "firing")
      .map(({ ruleId }) => ruleId),
  );
  const server = state.now.value?.server;
  return (
    <section aria-labelledby="performance-now">
      <h2 id="performance-now">Now {server && <small>on {server}, each second</small>}</h2>
      <ul class="tiles">
        {figureViews.map(({ id, title, lines: [line, ...others], format, alerts }) => {
          const isWrong = alerts.some((alert) => firing.has(alert));
          return (
            <li key={id} class="tile" data-wrong={isWrong ? "" : undefined}>
              <h3>
                {title}
                {isWrong && (
                  <span class="tile-wrong">
                    <Icon name="alert" size={14} /> wrong
                  </span>
                )}
              </h3>
              <p class="tile-value">
                {format(latest && line.read(latest))} <small>{line.name}</small>
              </p>
              <p class="tile-others">
                {others.map(({ name, read }) => (
                  <span key={name}>
                    {name} {format(latest && read(latest))}
                  </span>
                ))}
              </p>
              <Sparkline values={seconds.map(line.read)} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}
