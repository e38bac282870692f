import { Icon } from "../ui/icon.tsx";
import { useApp } from "./app-state.ts";

/** Opens the list of conversations where the screen is too narrow to show it always. */
export function MenuButton() {
  const app = useApp();
  return (
    <button
      type="button"
      class="icon-button menu-button"
      aria-label="Show conversations"
      aria-expanded={app.isDrawerOpen.value}
      onClick={() => {
        app.isDrawerOpen.value = true;
      }}
    >
      <Icon name="menu" size={22} />
    </button>
  );
}
