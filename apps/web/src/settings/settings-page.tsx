import { useEffect } from "preact/hooks";
import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { MenuButton } from "../app/menu-button.tsx";
import type { ThemeChoice } from "../theme/theme.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { calendarDay } from "../ui/time.ts";
import { ApiKeys } from "./api-keys.tsx";

const themes: { choice: ThemeChoice; icon: IconName; name: string }[] = [
  { choice: "system", icon: "monitor", name: "System" },
  { choice: "light", icon: "sun", name: "Light" },
  { choice: "dark", icon: "moon", name: "Dark" },
];

/** The reader's own settings: how it looks, keys for programs, the account. */
export function SettingsPage() {
  const app = useApp();
  useEffect(() => {
    document.title = "Settings · Peregrine";
  }, []);
  return (
    <main id="main" class="settings" tabIndex={-1}>
      <header class="thread-header">
        <MenuButton />
        <h1>Settings</h1>
      </header>
      <div class="settings-body">
        <section aria-labelledby="settings-theme">
          <h2 id="settings-theme">Appearance</h2>
          <div class="theme-choices" role="radiogroup" aria-labelledby="settings-theme">
            {themes.map(({ choice, icon, name }) => (
              <label key={choice} class="theme-choice">
                <input
                  type="radio"
                  name="theme"
                  class="visually-hidden"
                  checked={app.theme.choice.value === choice}
                  onChange={() => app.theme.choose(choice)}
                />
                <Icon name={icon} size={20} />
                {name}
              </label>
            ))}
          </div>
        </section>
        <ApiKeys />
        <Account />
        <p class="settings-version">Peregrine {app.session.info.value?.version}</p>
      </div>
    </main>
  );
}

function Account() {
  const app = useApp();
  const user = app.session.user.value;
  const signOut = async () => {
    try {
      await app.signOut();
    } catch (error) {
      app.notices.show(describeError(error), "error");
    }
  };
  if (!user) return null;
  return (
    <section aria-labelledby="settings-account">
      <h2 id="settings-account">Account</h2>
      <dl class="account-facts">
        <dt>Name</dt>
        <dd>{user.name}</dd>
        <dt>Email</dt>
        <dd>{user.email}</dd>
        <dt>Role</dt>
        <dd>{user.role === "admin" ? "Administrator" : "User"}</dd>
        <dt>Since</dt>
        <dd>{calendarDay(user.createdAt)}</dd>
      </dl>
      <button type="button" class="button" onClick={() => void signOut()}>
        <Icon name="signout" size={16} />
        Sign out
      </button>
    </section>
  );
}
