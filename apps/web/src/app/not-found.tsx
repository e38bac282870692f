import { useEffect } from "preact/hooks";
import { Logo } from "../ui/logo.tsx";
import { MenuButton } from "./menu-button.tsx";

/** A page or a conversation that is not there, or not yours: the server does not say which. */
export function NotFound({ what }: { what: "page" | "conversation" }) {
  useEffect(() => {
    document.title = "Not found · Peregrine";
  }, []);
  return (
    <main id="main" class="thread" tabIndex={-1}>
      <header class="thread-header">
        <MenuButton />
      </header>
      <div class="blank-state">
        <Logo size={40} />
        <h1>This {what} does not exist</h1>
        <p>It may have been deleted, or the address is mistyped.</p>
        <a class="button button-primary" href="/">
          Start a new conversation
        </a>
      </div>
    </main>
  );
}
