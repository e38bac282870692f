import { useApp } from "../app/app-state.ts";
import { Logo } from "../ui/logo.tsx";

/** What an empty conversation shows. */
export function Greeting({ isNew }: { isNew: boolean }) {
  const app = useApp();
  const firstName = app.session.user.value?.name.trim().split(/\s+/)[0];
  return (
    <div class="greeting">
      <Logo size={44} />
      <h1 class="greeting-title">
        {isNew && firstName ? `What is on your mind, ${firstName}?` : "What is on your mind?"}
      </h1>
    </div>
  );
}
