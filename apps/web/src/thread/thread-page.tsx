import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { useApp } from "../app/app-state.ts";
import { NotFound } from "../app/not-found.tsx";
import { ThreadHeader } from "../conversations/thread-header.tsx";
import { useFileDrop } from "../files/use-file-drop.ts";
import { Icon } from "../ui/icon.tsx";
import { ScrollView } from "../virtual/scroll-view.ts";
import { VirtualList } from "../virtual/virtual-list.tsx";
import { Composer } from "./composer.tsx";
import { estimateHeight } from "./estimate-height.ts";
import { Greeting } from "./greeting.tsx";
import type { MessageEntry } from "./message-entry.ts";
import { MessageView } from "./message-view.tsx";
import type { Thread } from "./thread.ts";
import { ThreadSkeleton } from "./thread-skeleton.tsx";

/** A conversation, or the place where a new one begins. */
export function ThreadPage({ id }: { id: string | null }) {
  const app = useApp();
  const thread = app.threads.open(id);
  const load = thread.load.value;
  const drop = useFileDrop((files) => {
    thread.notice.value = thread.attachments.add(files);
  });
  if (load === "missing") return <NotFound what="conversation" />;
  const isEmpty = load === "ready" && thread.messages.entries.value.length === 0;
  return (
    <main
      id="main"
      class="thread"
      data-empty={isEmpty ? "" : undefined}
      data-drop={drop.isOver ? "" : undefined}
      tabIndex={-1}
      {...drop.handlers}
    >
      <ThreadHeader id={thread.id.value} />
      {load === "loading" && <ThreadSkeleton />}
      {load === "failed" && <LoadFailure thread={thread} />}
      {isEmpty && <Greeting isNew={thread.id.value === null} />}
      {load === "ready" && !isEmpty && <Messages key={thread.messages} thread={thread} />}
      {app.session.user.value && <Composer key={thread.messages} thread={thread} />}
    </main>
  );
}

function Messages({ thread }: { thread: Thread }) {
  const entries = thread.messages.entries.value;
  const view = useMemo(() => {
    const nearStart = () => {
      if (thread.older.peek() !== "failed") queueMicrotask(() => void thread.loadOlder());
    };
    return new ScrollView(nearStart);
  }, [thread]);
  const isSending = thread.sending.value;
  useLayoutEffect(() => {
    if (isSending) view.scrollToEnd();
  }, [isSending, view]);
  useEffect(() => () => view.dispose(), [view]);

  return (
    <div class="messages">
      <VirtualList
        view={view}
        items={entries}
        label="Messages"
        isBusy={thread.older.value === "loading" || thread.answering.value}
        isPartial={thread.olderCursor.value !== null}
        labelOf={labelOf}
        estimate={estimateHeight}
        draw={(entry, index) => (
          <MessageView entry={entry} thread={thread} isLast={index === entries.length - 1} />
        )}
      />
      <OlderState thread={thread} />
      <button
        type="button"
        class="jump-button"
        aria-label="Jump to latest"
        title="Jump to latest"
        data-shown={view.isAtEnd.value ? undefined : ""}
        tabIndex={view.isAtEnd.value ? -1 : 0}
        aria-hidden={view.isAtEnd.value}
        onClick={() => view.scrollToEnd()}
      >
        <Icon name="down" />
      </button>
    </div>
  );
}

function labelOf(entry: MessageEntry): string {
  return entry.message.peek().role === "user" ? "You said" : "Peregrine answered";
}

function OlderState({ thread }: { thread: Thread }) {
  if (thread.older.value === "loading") {
    return <p class="older-state">Loading older messages…</p>;
  }
  if (thread.older.value === "idle") return null;
  return (
    <p class="older-state">
      Older messages could not be loaded.
      <button type="button" class="link-button" onClick={() => void thread.loadOlder()}>
        Try again
      </button>
    </p>
  );
}

function LoadFailure({ thread }: { thread: Thread }) {
  return (
    <div class="blank-state" role="alert">
      <Icon name="alert" size={28} />
      <h2>This conversation could not be loaded</h2>
      <p>The server did not answer. Your messages are safe there.</p>
      <button type="button" class="button" onClick={() => void thread.refresh()}>
        Try again
      </button>
    </div>
  );
}
