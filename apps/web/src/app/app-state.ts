import { effect, type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Api } from "../api/api.ts";
import type { ConversationList } from "../conversations/conversation-list.ts";
import type { LiveSocket } from "../live/live-socket.ts";
import { LiveState } from "../live/live-state.ts";
import { BlockCache } from "../markdown/block-cache.ts";
import { Highlighter } from "../markdown/highlighter.ts";
import { signInPath } from "../router/route.ts";
import { Router } from "../router/router.ts";
import { Session } from "../session/session.ts";
import { Theme } from "../theme/theme.ts";
import { Drafts } from "../thread/drafts.ts";
import type { Threads } from "../thread/threads.ts";
import { Notices } from "./notices.ts";

/** Everything the components share. Made once, in `main.tsx`, and handed down by context. */
export type AppState = {
  api: Api;
  router: Router;
  session: Session;
  conversations: ConversationList;
  threads: Threads;
  live: LiveSocket;
  theme: Theme;
  drafts: Drafts;
  notices: Notices;
  blocks: BlockCache;
  highlighter: Highlighter;
  /** What a screen reader says next. */
  announcement: Signal<string>;
  isDrawerOpen: Signal<boolean>;
  areShortcutsShown: Signal<boolean>;
  signOut: () => Promise<void>;
};

const AppContext = createContext<AppState | null>(null);

export const AppProvider = AppContext.Provider;

export function useApp(): AppState {
  const app = useContext(AppContext);
  if (!app) throw new Error("useApp outside of AppProvider");
  return app;
}

/** Builds the application's state and wires its parts together. */
export function createAppState(window: Window & typeof globalThis): AppState {
  const router = new Router(window);
  const api = new Api({
    fetch: (input, init) => window.fetch(input, init),
    onUnauthenticated: () => session.lose(),
  });
  const session = new Session(api);
  const announcement = signal("");
  const state = new LiveState({
    api,
    window,
    url: `${window.location.origin.replace(/^http/, "ws")}/api/v1/socket`,
    frames: {
      request: (draw: () => void) => window.requestAnimationFrame(draw),
      cancel: (handle: number) => window.cancelAnimationFrame(handle),
      nowMs: () => window.performance.now(),
    },
    user: () => session.user.peek(),
    announce: (text) => {
      announcement.value = text;
    },
    onCreated: (id) => router.navigate(`/c/${id}`),
    onDeleted: (id) => {
      const route = router.route.peek();
      if (route.name === "conversation" && route.id === id) router.navigate("/", { replace: true });
    },
    onRefused: () => {
      session.check().catch(() => {});
    },
  });
  let lastUserId: string | undefined;
  const drafts = new Drafts(window.localStorage, () => session.user.peek()?.id ?? lastUserId);

  const app: AppState = {
    api,
    router,
    session,
    conversations: state.conversations,
    threads: state.threads,
    live: state.socket,
    theme: new Theme(),
    drafts,
    notices: new Notices(),
    blocks: new BlockCache(),
    highlighter: new Highlighter(async () => (await import("../markdown/languages.ts")).lowlight),
    announcement,
    isDrawerOpen: signal(false),
    areShortcutsShown: signal(false),
    signOut: async () => {
      await session.signOut();
      drafts.clear();
    },
  };

  effect(() => {
    const user = session.user.value;
    if (user) {
      lastUserId = user.id;
      state.start();
    } else {
      state.stop();
    }
  });
  effect(() => guard(app));
  return app;
}

/** Keeps who is not signed in at the sign-in page, and who is away from it. */
function guard({ router, session }: AppState): void {
  const route = router.route.value;
  const state = session.state.value;
  const isAtDoor = route.name === "login" || route.name === "register";
  if (state === "signed-out" && !isAtDoor) {
    // Nobody has an account on a new server, so the first visitor is asked to make one.
    const page = session.info.value?.hasAccounts === false ? "register" : "login";
    router.navigate(signInPath(page, router.path), { replace: true });
  } else if (state === "signed-in" && isAtDoor) {
    router.navigate(route.next, { replace: true });
  }
}
