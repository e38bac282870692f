import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Sidebar } from "../conversations/sidebar.tsx";
import { useApp } from "./app-state.ts";
import { useNarrow } from "./use-narrow.ts";

/** The frame around every page: the sidebar, which is a drawer on a narrow screen, and the page. */
export function Shell({ children }: { children: ComponentChildren }) {
  const app = useApp();
  const isNarrow = useNarrow();
  const sidebar = useRef<HTMLElement>(null);
  const isOpen = app.isDrawerOpen.value;
  const route = app.router.route.value;
  const isHidden = isNarrow && !isOpen;

  useEffect(() => {
    app.conversations.reload().catch(() => {});
  }, []);
  useEffect(() => {
    app.isDrawerOpen.value = false;
    if (route.name !== "home" && route.name !== "conversation") app.threads.closeCurrent();
  }, [route]);
  useEffect(() => {
    if (!isNarrow || !isOpen) return;
    const opener = document.activeElement as HTMLElement | null;
    sidebar.current?.querySelector<HTMLElement>("a, button")?.focus();
    return () => opener?.focus();
  }, [isNarrow, isOpen]);

  const close = () => {
    app.isDrawerOpen.value = false;
  };
  return (
    <div class="shell">
      <aside
        ref={sidebar}
        class="sidebar"
        data-open={isOpen ? "" : undefined}
        inert={isHidden}
        onKeyDown={(event) => {
          if (event.key === "Escape" && isNarrow) close();
        }}
      >
        <Sidebar />
      </aside>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the drawer has a button that closes it. */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: and Escape. */}
      <div class="scrim" onClick={close} />
      <div class="page" inert={isNarrow && isOpen}>
        {app.live.isAway.value && (
          <p class="offline" role="status">
            <span class="offline-dot" />
            Connection lost. Trying again…
          </p>
        )}
        {children}
      </div>
    </div>
  );
}
