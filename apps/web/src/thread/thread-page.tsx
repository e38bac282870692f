import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { useApp } from "../app/app-state.ts";
import { NotFound } from "../app/not-found.tsx";
import { ThreadHeader } from "../conversations/thread-header.tsx";
import { useFileDrop } from "../files/use-file-drop.ts";
import { conversationPath } from "../router/route.ts";
import { Icon } from "../ui/icon.tsx";
import { ScrollView } from "../virtual/scroll-view.ts";
import { VirtualList } from "../virtual/virtual-list.tsx";
import { Composer } from "./composer.tsx";
import { estimateHeight } from "./estimate-height.ts";
import { Greeting } from "./greeting.tsx";
import type { MessageEntry } from "./message-entry.ts";
import type { MessageSpan } from "./message-span.ts";
import { MessageView } from "./message-view.tsx";
import type { Thread } from "./thread.ts";
import { ThreadSkeleton } from "./thread-skeleton.tsx";

/** A conversation, at a message or at its end, or the place where a new one begins. */
export function ThreadPage({ id, messageId }: { id: string | null; messageId: string | null }) {
  const app = useApp();
  const thread = app.threads.open(id, messageId);
  const load = thread.span.load.value;
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
      {load === "ready" && !isEmpty && <Messages key={thread.span.piece.value} thread={thread} />}
      {app.session.user.value && <Composer key={thread.messages} thread={thread} />}
    </main>
  );
}

function Messages({ thread }: { thread: Thread }) {
  const { router } = useApp();
  const { span } = thread;
  const entries = thread.messages.entries.value;
  const isAtNewest = span.newerCursor.value === null;
  const view = useMemo(() => {
    const start = () => {
      if (span.older.peek() !== "failed") queueMicrotask(() => void span.loadOlder());
    };
    const end = () => {
      if (span.newer.peek() !== "failed") queueMicrotask(() => void span.loadNewer());
    };
    return new ScrollView({ start, end });
  }, [span]);
  // While rendering, so that the list below is placed there at once and never seen elsewhere.
  useMemo(() => view.setOpenEnded(!isAtNewest), [view, isAtNewest]);
  const target = span.target.value;
  useMemo(() => target && view.scrollTo(target.entry.key), [view, target]);
  const isSending = thread.sending.value;
  const leaveTarget = () => {
    const id = thread.id.peek();
    if (id !== null) router.navigate(conversationPath(id), { replace: true });
  };
  const goToEnd = () => {
    if (isAtNewest) view.scrollToEnd();
    else thread.show(null);
    leaveTarget();
  };
  useLayoutEffect(() => {
    if (!isSending) return;
    view.scrollToEnd();
    leaveTarget();
  }, [isSending, view]);
  useEffect(() => () => view.dispose(), [view]);

  return (
    <div class="messages">
      <VirtualList
        view={view}
        items={entries}
        label="Messages"
        isBusy={
          span.older.value === "loading" || span.newer.value === "loading" || thread.answering.value
        }
        isPartial={span.olderCursor.value !== null || !isAtNewest}
        labelOf={labelOf}
        estimate={estimateHeight}
        draw={(entry, index) => (
          <MessageView
            entry={entry}
            thread={thread}
            isLast={isAtNewest && index === entries.length - 1}
            isFound={entry === target?.entry}
          />
        )}
      />
      <OlderState span={span} />
      <NewerState span={span} />
      <button
        type="button"
        class="jump-button"
        aria-label="Jump to latest"
        title="Jump to latest"
        data-shown={view.isAtEnd.value ? undefined : ""}
        tabIndex={view.isAtEnd.value ? -1 : 0}
        aria-hidden={view.isAtEnd.value}
        onClick={goToEnd}
      >
        <Icon name="down" />
      </button>
    </div>
  );
}

function labelOf(entry: MessageEntry): string {
  return entry.message.peek().role === "user" ? "You said" : "Peregrine answered";
}

function OlderState({ span }: { span: MessageSpan }) {
  if (span.older.value === "loading") {
    return <p class="older-state">Loading older messages…</p>;
  }
  if (span.older.value === "idle") return null;
  return (
    <p class="older-state">
      Older messages could not be loaded.
      <button type="button" class="link-button" onClick={() => void span.loadOlder()}>
        Try again
      </button>
    </p>
  );
}

/** Loading needs no word: where it is slow, the end of the list is. */
function NewerState({ span }: { span: MessageSpan }) {
  if (span.newer.value !== "failed") return null;
  return (
    <p class="older-state newer-state">
      Newer messages could not be loaded.
      <button type="button" class="link-button" onClick={() => void span.loadNewer()}>
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
      <button type="button" class="button" onClick={() => void thread.span.refresh()}>
        Try again
      </button>
    </div>
  );
}
