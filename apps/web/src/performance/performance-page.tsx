import { useEffect, useState } from "preact/hooks";
import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { MenuButton } from "../app/menu-button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Alerts } from "./alerts.tsx";
import { Caches } from "./caches.tsx";
import { HistorySection } from "./history-section.tsx";
import "./performance.css";
import { PerformanceState } from "./performance-state.ts";
import { Problems } from "./problems.tsx";
import { Servers } from "./servers.tsx";
import { Statements } from "./statements.tsx";
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
  const [state, setState] = useState<PerformanceState | null>(null);
  useEffect(() => {
    document.title = "Performance · Peregrine";
    const opened = new PerformanceState(app.api);
    setState(opened);
    return () => opened.dispose();
  }, [app.api]);
  return (
    <main id="main" class="settings" tabIndex={-1}>
      <header class="thread-header">
        <MenuButton />
        <h1>Performance</h1>
        {state && <LiveMark state={state} />}
      </header>
      {state && <Body state={state} />}
    </main>
  );
}

function Body({ state }: { state: PerformanceState }) {
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
      <Caches state={state} act={act} />
      <Statements state={state} />
      <Alerts state={state} act={act} />
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
