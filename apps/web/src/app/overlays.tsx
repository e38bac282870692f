import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { useApp } from "./app-state.ts";

const mod = navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl";
const shortcuts: [what: string, keys: string[]][] = [
  ["Send", ["Enter"]],
  ["New line", ["Shift", "Enter"]],
  ["New conversation", [mod, "Shift", "O"]],
  ["Search conversations", [mod, "K"]],
  ["Stop the answer, or leave the field", ["Esc"]],
  ["Show this list", ["?"]],
];

/** What lies above the page: short messages, the list of shortcuts, and the screen reader's line. */
export function Overlays() {
  const app = useApp();
  return (
    <>
      <div class="notices" role="status" aria-live="polite">
        {app.notices.list.value.map((notice) => (
          <div key={notice.id} class="notice" data-kind={notice.kind}>
            {notice.text}
            <button
              type="button"
              class="icon-button"
              aria-label="Dismiss"
              onClick={() => app.notices.dismiss(notice.id)}
            >
              <Icon name="close" size={14} />
            </button>
          </div>
        ))}
      </div>
      <div id="announcer" class="visually-hidden" role="status" aria-live="polite">
        {app.announcement.value}
      </div>
      {app.areShortcutsShown.value && (
        <Dialog
          title="Keyboard shortcuts"
          onClose={() => {
            app.areShortcutsShown.value = false;
          }}
        >
          <dl class="shortcuts">
            {shortcuts.map(([what, keys]) => (
              <div key={what}>
                <dt>{what}</dt>
                <dd>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </Dialog>
      )}
    </>
  );
}
