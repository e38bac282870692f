import { render } from "preact";
import { App } from "./app/app.tsx";
import { AppProvider, createAppState } from "./app/app-state.ts";

const root = document.getElementById("app");
if (!root) throw new Error("index.html has no element #app");

const app = createAppState(window);
app.session.start().catch(() => {});
render(
  <AppProvider value={app}>
    <App />
  </AppProvider>,
  root,
);
