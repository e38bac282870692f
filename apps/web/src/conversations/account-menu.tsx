import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { Icon } from "../ui/icon.tsx";

/** The foot of the sidebar: who is signed in, settings, the theme, signing out. */
export function AccountMenu() {
  const app = useApp();
  const user = app.session.user.value;
  const isSettings = app.router.route.value.name === "settings";
  const isDark = app.theme.choice.value && app.theme.isDark;
  const signOut = async () => {
    try {
      await app.signOut();
    } catch (error) {
      app.notices.show(describeError(error), "error");
    }
  };
  if (!user) return <div class="account" />;
  return (
    <div class="account">
      <a class="account-link" href="/settings" aria-current={isSettings ? "page" : undefined}>
        <span class="avatar" aria-hidden="true">
          {initial(user.name)}
        </span>
        <span class="account-name">{user.name}</span>
        <span class="visually-hidden">, settings</span>
      </a>
      {user.role === "admin" && (
        <a
          class="icon-button"
          href="/performance"
          aria-label="Performance"
          title="Performance"
          aria-current={app.router.route.value.name === "performance" ? "page" : undefined}
        >
          <Icon name="activity" />
        </a>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label={isDark ? "Use light theme" : "Use dark theme"}
        title={isDark ? "Light theme" : "Dark theme"}
        onClick={() => app.theme.choose(isDark ? "light" : "dark")}
      >
        <Icon name={isDark ? "sun" : "moon"} />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Sign out"
        title="Sign out"
        onClick={() => void signOut()}
      >
        <Icon name="signout" />
      </button>
    </div>
  );
}

function initial(name: string): string {
  return [...name.trim()][0]?.toLocaleUpperCase() ?? "?";
}
