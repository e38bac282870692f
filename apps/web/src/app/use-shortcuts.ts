import { useEffect } from "preact/hooks";
import { useApp } from "./app-state.ts";

/** The keyboard of the whole page. What a field or a dialog needs itself never gets here. */
export function useShortcuts(): void {
  const app = useApp();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (
        event.defaultPrevented ||
        event.isComposing ||
        document.querySelector("dialog[open], :popover-open")
      )
        return;
      if (app.session.state.peek() !== "signed-in") return;
      const hasCommand = (event.metaKey || event.ctrlKey) && !event.altKey;
      const key = event.key.toLowerCase();
      if (hasCommand && event.shiftKey && key === "o") {
        event.preventDefault();
        app.router.navigate("/");
        focusSoon("composer");
      } else if (hasCommand && !event.shiftKey && key === "k") {
        event.preventDefault();
        app.isDrawerOpen.value = true;
        focusSoon("search");
      } else if (event.key === "Escape") {
        const thread = app.threads.current;
        if (thread?.answering.peek()) void thread.stop();
        else (document.activeElement as HTMLElement | null)?.blur();
      } else if (event.key === "?" && !hasCommand && !isTyping(event.target)) {
        event.preventDefault();
        app.areShortcutsShown.value = true;
      }
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [app]);
}

/** At once where it is there, so that no key is lost, and again in the page that is drawn next. */
function focusSoon(id: string): void {
  const focus = () => document.getElementById(id)?.focus();
  focus();
  setTimeout(focus, 0);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select");
}
