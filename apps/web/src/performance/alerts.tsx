import { dateAndTime } from "../ui/time.ts";
import { ago, formatOf } from "./format.ts";
import type { Act } from "./performance-page.tsx";
import type { PerformanceState } from "./performance-state.ts";
import { Rules } from "./rules.tsx";
import { Table } from "./table.tsx";

const timelineEntries = 20;
const stateNames = {
  firing: "firing",
  pending: "about to fire",
  inactive: "well",
  unknown: "unknown",
} as const;
const order = ["firing", "pending", "unknown", "inactive"];

/** Every rule with how it stands, what is silenced, and what happened in the last week. */
export function Alerts({ state, act }: { state: PerformanceState; act: Act }) {
  const list = state.alerts.value;
  if (!list) return null;
  const alerts = list.alerts
    .filter(({ severity }) => severity !== "none")
    .toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const titles = new Map(alerts.map(({ ruleId, title }) => [ruleId, title]));
  const silence = (ruleId: string | null) =>
    act("Silenced for an hour.", "POST", "/alerts/silences", {
      ruleId,
      minutes: 60,
      reason: "silenced on the performance page",
    });
  return (
    <section aria-labelledby="performance-alerts">
      <h2 id="performance-alerts">Alerts</h2>
      <p class="settings-text">Told: {list.receivers.join(", ")}.</p>
      <Table columns={["Alert", "Severity", "State", "Value", "Fires"]} hasActions>
        {alerts.map((alert) => (
          <tr key={alert.ruleId} data-state={alert.state}>
            <th scope="row">{alert.title}</th>
            <td>{alert.severity}</td>
            <td>
              {stateNames[alert.state]}
              {alert.missing !== null && `: ${alert.missing} is missing`}
              {alert.silencedUntil !== null && ", silenced"}
            </td>
            <td>{alert.value === null ? "–" : formatOf(alert.unit)(alert.value)}</td>
            <td>
              {alert.comparison} {formatOf(alert.unit)(alert.threshold)}
            </td>
            <td>
              {alert.silencedUntil === null && (
                <button
                  type="button"
                  class="quiet-button"
                  aria-label={`Silence ${alert.title} for an hour`}
                  onClick={() => void silence(alert.ruleId)}
                >
                  Silence
                </button>
              )}
            </td>
          </tr>
        ))}
      </Table>
      <Rules act={act} />
      <div class="section-actions">
        <button
          type="button"
          class="button"
          onClick={() => void act("All receivers are told of a test.", "POST", "/alerts/test")}
        >
          Send a test
        </button>
        <button type="button" class="button" onClick={() => void silence(null)}>
          Silence all for an hour
        </button>
      </div>
      {list.silences.length > 0 && (
        <>
          <h3>Silences</h3>
          <ul class="timeline">
            {list.silences.map(({ id, ruleId, until, createdBy }) => (
              <li key={id}>
                {ruleId === null ? "Everything" : (titles.get(ruleId) ?? ruleId)}, by {createdBy},
                until {dateAndTime(until)}
                <button
                  type="button"
                  class="quiet-button"
                  onClick={() =>
                    void act("The silence is over.", "DELETE", `/alerts/silences/${id}`)
                  }
                >
                  End
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>The last week</h3>
      {list.events.length === 0 ? (
        <p class="settings-text">Nothing has fired.</p>
      ) : (
        <ol class="timeline">
          {list.events.slice(0, timelineEntries).map(({ id, ruleId, kind, at }) => (
            <li key={id}>
              <time dateTime={at} title={dateAndTime(at)}>
                {ago(at)}
              </time>
              {titles.get(ruleId) ?? ruleId} {kind === "firing" ? "began to fire" : "was over"}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
