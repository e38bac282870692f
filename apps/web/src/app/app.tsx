import type { Route } from "../router/route.ts";
import { DoorPage } from "../session/door-page.tsx";
import { ThreadPage } from "../thread/thread-page.tsx";
import { Logo } from "../ui/logo.tsx";
import { useApp } from "./app-state.ts";
import { Boundary } from "./boundary.tsx";
import { LazyPage } from "./lazy-page.tsx";
import { NotFound } from "./not-found.tsx";
import { Overlays } from "./overlays.tsx";
import { Shell } from "./shell.tsx";
import { useShortcuts } from "./use-shortcuts.ts";

const loadSearch = async () => (await import("../search/search-page.tsx")).SearchPage;
const loadSettings = async () => (await import("../settings/settings-page.tsx")).SettingsPage;

const loadPerformance = async () =>
  (await import("../performance/performance-page.tsx")).PerformancePage;

/** The whole page: the door for who is not signed in, the shell for the rest. */
export function App() {
  const app = useApp();
  useShortcuts();
  const route = app.router.route.value;
  const state = app.session.state.value;
  const isAtDoor = route.name === "login" || route.name === "register";
  return (
    <>
      <a class="skip-link" href="#main">
        Skip to content
      </a>
      {state === "failed" && <Unreachable />}
      {state !== "failed" && isAtDoor && state !== "unknown" && (
        <DoorPage key={route.name} page={route.name} next={route.next} />
      )}
      {state !== "failed" && !isAtDoor && state !== "signed-out" && (
        <Shell>
          <Boundary path={app.router.path}>
            <Page route={route} />
          </Boundary>
        </Shell>
      )}
      <Overlays />
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.name) {
    case "home":
      return <ThreadPage id={null} messageId={null} />;
    case "conversation":
      return <ThreadPage id={route.id} messageId={route.messageId} />;
    case "search":
      return <LazyPage load={loadSearch} />;
    case "settings":
      return <LazyPage key="settings" load={loadSettings} />;
    case "performance":
      return <AdministratorsPage />;
    default:
      return <NotFound what="page" />;
  }
}

/** Who is not an administrator is told of no such page, and loads no code of it. */
function AdministratorsPage() {
  const isAdmin = useApp().session.user.value?.role === "admin";
  return isAdmin ? <LazyPage key="performance" load={loadPerformance} /> : <NotFound what="page" />;
}

function Unreachable() {
  const app = useApp();
  return (
    <main id="main" class="door" tabIndex={-1}>
      <div class="blank-state" role="alert">
        <Logo size={40} />
        <h1>The server cannot be reached</h1>
        <p>Check your connection. Drafts are kept in this browser.</p>
        <button
          type="button"
          class="button button-primary"
          onClick={() => void app.session.start()}
        >
          Try again
        </button>
      </div>
    </main>
  );
}
