import { useEffect, useState } from "preact/hooks";
import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { MenuButton } from "../app/menu-button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Alerts } from "./alerts.tsx";
import { Audit } from "./audit.tsx";
import { Caches } from "./caches.tsx";
import { DatabaseSection } from "./database-section.tsx";
import { DatabaseState } from "./database-state.ts";
import { Freshness } from "./freshness.tsx";
import { FrontDoorSection } from "./front-door-section.tsx";
import { HistorySection } from "./history-section.tsx";
import { ModelsSection } from "./models-section.tsx";
import { OptimiserSection } from "./optimiser-section.tsx";
import "./performance.css";
import { PerformanceState } from "./performance-state.ts";
import { Problems } from "./problems.tsx";
import { Servers } from "./servers.tsx";
import { Tiles } from "./tiles.tsx";

/** Does something for the page, and tells what came of it. */
export type Act = (
  what: string,
  method: "POST" | "PUT" | "DELETE",
  path: string,
  body?: object,
) => Promise<void>;

/** How the servers stand, for administrators: what is wrong first, then figures, then the parts. */
export function PerformancePage() {
  const app = useApp();
  const [states, setStates] = useState<{ state: PerformanceState; database: DatabaseState } | null>(
    null,
  );
  useEffect(() => {
    document.title = "Performance · Peregrine";
    const opened = {
      state: new PerformanceState(app.api),
      database: new DatabaseState(app.api),
    };
    setStates(opened);
    return () => {
      opened.state.dispose();
      opened.database.dispose();
    };
  }, [app.api]);
  return (
    <main id="main" class="settings" tabIndex={-1}>
      <header class="thread-header">
        <MenuButton />
        <h1>Performance</h1>
        {states && <LiveMark state={states.state} />}
      </header>
      {states && <Body {...states} />}
    </main>
  );
}

function Body({ state, database }: { state: PerformanceState; database: DatabaseState }) {
  const app = useApp();
  const act: Act = async (what, method, path, body) => {
    try {
      await state.act(method, path, body);
      app.notices.show(what);
    } catch (error) {
      app.notices.show(describeError(error), "error");
    }
  };
  return (
    <div class="performance">
      {state.error.value !== null && (
        <p class="performance-error" role="alert">
          <Icon name="alert" size={16} /> {state.error.value} What is shown may be out of date.
        </p>
      )}
      <Problems state={state} act={act} />
      <Tiles state={state} />
      <HistorySection state={state} />
      <Servers state={state} />
      <FrontDoorSection state={state} act={act} />
      <Caches state={state} act={act} />
      <ModelsSection state={state} act={act} />
      <DatabaseSection state={state} database={database} />
      <OptimiserSection database={database} act={act} />
      <Freshness state={state} />
      <Alerts state={state} act={act} />
      <Audit />
    </div>
  );
}

function LiveMark({ state }: { state: PerformanceState }) {
  const isLive = state.isLive.value;
  return (
    <span class="live-mark" data-live={isLive ? "" : undefined}>
      <Icon name={isLive ? "activity" : "alert"} size={16} />
      {isLive ? "Live" : "Not live"}
    </span>
  );
}
