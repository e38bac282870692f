import { useApp } from "../app/app-state.ts";
import { Chart } from "./chart.tsx";
import { figureViews } from "./figure-list.ts";
import { HistoryNumbers } from "./history-numbers.tsx";
import type { PerformanceState } from "./performance-state.ts";

const minute = 60_000;
const ranges: { backMs: number; name: string }[] = [
  { backMs: 15 * minute, name: "15 minutes" },
  { backMs: 60 * minute, name: "an hour" },
  { backMs: 6 * 60 * minute, name: "6 hours" },
  { backMs: 24 * 60 * minute, name: "a day" },
  { backMs: 7 * 24 * 60 * minute, name: "a week" },
  { backMs: 29 * 24 * 60 * minute, name: "a month" },
];

/** How the figures went: of the fleet or one server, and beside the day before. */
export function HistorySection({ state }: { state: PerformanceState }) {
  const app = useApp();
  const { backMs, server, comparesDayBefore } = state.choice.value;
  const history = state.history.value;
  // Read, so that the charts are drawn anew in the other colours.
  const theme = `${app.theme.choice.value} ${app.theme.isDark}`;
  return (
    <section aria-labelledby="performance-history">
      <h2 id="performance-history">Over time</h2>
      <div class="history-choices">
        <label>
          Last{" "}
          <select
            class="select"
            value={String(backMs)}
            onChange={(event) => state.choose({ backMs: Number(event.currentTarget.value) })}
          >
            {ranges.map((range) => (
              <option key={range.backMs} value={String(range.backMs)}>
                {range.name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Server{" "}
          <select
            class="select"
            value={server ?? ""}
            onChange={(event) => state.choose({ server: event.currentTarget.value || null })}
          >
            <option value="">all together</option>
            {state.servers.value.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="history-compare">
          <input
            type="checkbox"
            class="switch"
            role="switch"
            aria-checked={comparesDayBefore}
            checked={comparesDayBefore}
            onChange={(event) => state.choose({ comparesDayBefore: event.currentTarget.checked })}
          />
          beside the day before
        </label>
      </div>
      <p class="settings-text chart-hint">
        Drag across a chart to look closer, double-click for the whole span.
      </p>
      {history ? (
        <>
          <ul class="charts">
            {figureViews.map((view) => (
              <li key={view.id}>
                <h3>{view.title}</h3>
                <Chart
                  view={view}
                  history={history}
                  dayBefore={state.dayBefore.value}
                  theme={theme}
                />
              </li>
            ))}
          </ul>
          <HistoryNumbers history={history} dayBefore={state.dayBefore.value} />
        </>
      ) : (
        <div class="skeleton chart-skeleton" />
      )}
    </section>
  );
}
