import type { Conversation } from "@peregrine/protocol";
import { limits } from "@peregrine/protocol/limits";
import { useEffect, useRef, useState } from "preact/hooks";
import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { memo } from "../ui/memo.ts";
import { Menu, MenuItem } from "../ui/menu.tsx";
import { titleOf } from "./title-of.ts";

type Props = { conversation: Conversation; isOpen: boolean; isBusy: boolean };

/** One conversation in the list: a link, and a menu to rename or delete it. */
export const ConversationRow = memo(({ conversation, isOpen, isBusy }: Props) => {
  const app = useApp();
  const [mode, setMode] = useState<"link" | "rename" | "delete">("link");
  const title = titleOf(conversation);
  const act = async (action: Promise<void>) => {
    try {
      await action;
    } catch (error) {
      app.notices.show(describeError(error), "error");
    }
  };
  const remove = async () => {
    await act(app.conversations.delete(conversation.id));
    app.threads.forget(conversation.id);
    if (isOpen) app.router.navigate("/", { replace: true });
  };

  return (
    <li class="conversation-row" data-open={isOpen ? "" : undefined}>
      {mode === "rename" ? (
        <RenameField
          title={conversation.title ?? ""}
          onDone={(renamed) => {
            setMode("link");
            if (renamed) void act(app.conversations.patch(conversation.id, { title: renamed }));
          }}
        />
      ) : (
        <>
          <a
            href={`/c/${conversation.id}`}
            aria-current={isOpen ? "page" : undefined}
            title={title}
            onDblClick={() => setMode("rename")}
          >
            <span class="conversation-title">{title}</span>
            {isBusy && (
              <span class="busy-dot">
                <span class="visually-hidden">is being answered</span>
              </span>
            )}
          </a>
          <Menu label={`Options for ${title}`}>
            <MenuItem icon="pencil" onSelect={() => setMode("rename")}>
              Rename
            </MenuItem>
            <MenuItem icon="trash" isDanger onSelect={() => setMode("delete")}>
              Delete
            </MenuItem>
          </Menu>
        </>
      )}
      {mode === "delete" && (
        <ConfirmDialog
          title="Delete conversation?"
          text={`“${title}” and all its messages will be deleted for good.`}
          action="Delete"
          onConfirm={() => void remove()}
          onClose={() => setMode("link")}
        />
      )}
    </li>
  );
});

/** Enter and leaving the field keep the new title, Escape drops it. */
function RenameField({ title, onDone }: { title: string; onDone: (title: string | null) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const isDone = useRef(false);
  useEffect(() => input.current?.select(), []);
  const finish = (isKept: boolean) => {
    if (isDone.current) return;
    isDone.current = true;
    const next = input.current?.value.trim() ?? "";
    onDone(isKept && next !== "" && next !== title ? next : null);
  };
  return (
    <form
      class="rename"
      onSubmit={(event) => {
        event.preventDefault();
        finish(true);
      }}
    >
      <input
        ref={input}
        aria-label="Title"
        defaultValue={title}
        maxLength={limits.titleLength}
        onBlur={() => finish(true)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          finish(false);
        }}
      />
      <button type="submit" class="icon-button" aria-label="Save title">
        <Icon name="check" size={16} />
      </button>
    </form>
  );
}
