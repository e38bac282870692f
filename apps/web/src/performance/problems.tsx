import { Icon } from "../ui/icon.tsx";
import { ago, formatOf } from "./format.ts";
import type { Act } from "./performance-page.tsx";
import type { PerformanceState } from "./performance-state.ts";

/** What is wrong, and what to do about it. One calm line when nothing is. */
export function Problems({ state, act }: { state: PerformanceState; act: Act }) {
  const now = state.now.value;
  const alerts = state.alerts.value?.alerts.filter(({ severity }) => severity !== "none") ?? [];
  const firing = alerts.filter((alert) => alert.state === "firing");
  const recommendations = now?.recommendations ?? [];
  if (!now) return <div class="skeleton problems-skeleton" />;
  const isPressed = now.system_resources.pressure !== "normal";
  if (firing.length === 0 && recommendations.length === 0 && !isPressed) {
    return (
      <p class="all-well">
        <Icon name="check" size={18} /> Nothing is wrong.
      </p>
    );
  }
  return (
    <section aria-labelledby="performance-problems">
      <h2 id="performance-problems">What is wrong</h2>
      <ul class="problems">
        {firing.map((alert) => (
          <li key={alert.ruleId} class="problem" data-severity={alert.severity}>
            <Icon name="alert" size={20} />
            <div>
              <strong>
                {alert.severity === "critical" ? "Critical" : "Warning"}: {alert.title}
              </strong>
              <p>{alert.advice}</p>
              <small>
                {alert.value === null ? "unknown" : formatOf(alert.unit)(alert.value)},{" "}
                {alert.comparison} {formatOf(alert.unit)(alert.threshold)}; began{" "}
                {alert.since && ago(alert.since)}
                {alert.acknowledgedBy !== null && `; taken on by ${alert.acknowledgedBy}`}
              </small>
            </div>
            {alert.acknowledgedBy === null && (
              <button
                type="button"
                class="button"
                onClick={() =>
                  void act("You have taken it on.", "POST", `/alerts/${alert.ruleId}/acknowledge`)
                }
              >
                Acknowledge
              </button>
            )}
          </li>
        ))}
        {isPressed && (
          <li class="problem" data-severity="warning">
            <Icon name="alert" size={20} />
            <div>
              <strong>{pressureTexts[now.system_resources.pressure]}</strong>{" "}
              <small>began {ago(now.system_resources.pressure_since)}</small>
            </div>
          </li>
        )}
        {recommendations.map(({ id, severity, title, seen, since, advice, remedy }) => (
          <li key={id} class="problem" data-severity={severity}>
            <Icon name="alert" size={20} />
            <div>
              <strong>{title}</strong>
              <p>
                {seen} {advice}
              </p>
              {remedy?.kind === "command" && <code>{remedy.command}</code>}
              <small>began {ago(since)}</small>
            </div>
            {remedy?.kind === "action" && (
              <button
                type="button"
                class="button"
                onClick={() => void act("Done.", "POST", `/recommendations/${id}/apply`)}
              >
                {remedy.label}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const pressureTexts: Record<string, string> = {
  background_waits: "This server runs short: background work waits.",
  caches_shrink: "This server runs short of memory: caches shrink.",
  low_priority_refused: "This server runs short: what says it can wait is refused.",
  answers_refused: "This server runs out of memory: new answers are refused.",
};
