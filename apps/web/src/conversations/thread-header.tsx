import { useEffect, useState } from "preact/hooks";
import { useApp } from "../app/app-state.ts";
import { MenuButton } from "../app/menu-button.tsx";
import { Icon } from "../ui/icon.tsx";
import { ConversationSettings } from "./conversation-settings.tsx";
import { titleOf } from "./title-of.ts";

/** The head of a conversation: its title, its settings, and a new one. */
export function ThreadHeader({ id }: { id: string | null }) {
  const app = useApp();
  const [isOpen, setOpen] = useState(false);
  const conversation = id === null ? undefined : app.conversations.get(id);
  const listState = app.conversations.state.value;
  useEffect(() => {
    if (id !== null) app.conversations.ensure(id).catch(() => {});
  }, [id, listState]);
  const title = conversation ? titleOf(conversation) : "New conversation";
  useEffect(() => {
    document.title = conversation ? `${title} · Peregrine` : "Peregrine";
  }, [title]);

  return (
    <header class="thread-header">
      <MenuButton />
      <h1>{id === null || conversation ? title : ""}</h1>
      {conversation && (
        <button
          type="button"
          class="icon-button"
          aria-label="Conversation settings"
          title="Conversation settings"
          aria-haspopup="dialog"
          onClick={() => setOpen(true)}
        >
          <Icon name="settings" />
        </button>
      )}
      <a class="icon-button narrow-only" href="/" aria-label="New conversation">
        <Icon name="compose" />
      </a>
      {isOpen && conversation && (
        <ConversationSettings conversation={conversation} onClose={() => setOpen(false)} />
      )}
    </header>
  );
}
