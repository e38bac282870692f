import { useState } from "preact/hooks";
import { useApp } from "../app/app-state.ts";
import { MessageFiles } from "../files/message-files.tsx";
import { Markdown } from "../markdown/markdown.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Icon } from "../ui/icon.tsx";
import { memo } from "../ui/memo.ts";
import { clockTime, dateAndTime } from "../ui/time.ts";
import type { MessageEntry } from "./message-entry.ts";
import type { Thread } from "./thread.ts";

/** Longer questions are folded: who pastes a log does not want to scroll past it each time. */
const FOLD_ABOVE_LENGTH = 1_600;
const FOLD_ABOVE_LINES = 18;

type Props = {
  entry: MessageEntry;
  thread: Thread;
  isLast: boolean;
  /** It is the one that was looked for. */
  isFound: boolean;
};

/** One message: a question as it was typed, or an answer as Markdown with what can be done. */
export const MessageView = memo((props: Props) =>
  props.entry.message.value.role === "user" ? <Question {...props} /> : <Answer {...props} />,
);

function Question({ entry, isFound }: Props) {
  const { content, createdAt, files } = entry.message.value;
  const [isUnfolded, setUnfolded] = useState(false);
  const isLong = content.length > FOLD_ABOVE_LENGTH || lineCount(content) > FOLD_ABOVE_LINES;
  const isFolded = isLong && !isUnfolded;
  return (
    <div class="message question" data-found={isFound ? "" : undefined}>
      <MessageFiles files={files} />
      <div class="bubble" data-folded={isFolded ? "" : undefined}>
        {isFolded ? fold(content) : content}
        {isLong && (
          <button type="button" class="link-button" onClick={() => setUnfolded(!isUnfolded)}>
            {isFolded ? "Show all" : "Show less"}
          </button>
        )}
      </div>
      <footer class="message-actions">
        <time dateTime={createdAt} title={dateAndTime(createdAt)}>
          {clockTime(createdAt)}
        </time>
        <CopyButton label="Copy question" text={() => content} />
      </footer>
    </div>
  );
}

function Answer({ entry, thread, isLast, isFound }: Props) {
  const app = useApp();
  const message = entry.message.value;
  const isRunning = message.status === "running";
  const blocks = isRunning
    ? (entry.streamed.value ?? [])
    : (entry.streamed.value ?? app.blocks.get(entry.key, message.content));
  const isWaiting = isRunning && blocks.length === 0;
  return (
    <div class="message answer" aria-busy={isRunning} data-found={isFound ? "" : undefined}>
      {isWaiting ? <Thinking /> : <Markdown blocks={blocks} isRunning={isRunning} />}
      {message.status === "interrupted" && <Interruption {...{ entry, thread, isLast }} />}
      {message.status === "stopped" && <p class="message-state">Stopped</p>}
      {!isRunning && (
        <footer class="message-actions">
          {message.content !== "" && <CopyButton label="Copy answer" text={() => entry.text} />}
          {isLast && message.status !== "interrupted" && <Regenerate {...{ entry, thread }} />}
          <time dateTime={message.createdAt} title={dateAndTime(message.createdAt)}>
            {clockTime(message.createdAt)}
          </time>
          {message.model && <span class="message-model">{message.model}</span>}
          {message.usage && (
            <span title={`${message.usage.promptTokens} tokens read`}>
              {message.usage.completionTokens} tokens
            </span>
          )}
        </footer>
      )}
    </div>
  );
}

function Regenerate({ entry, thread }: { entry: MessageEntry; thread: Thread }) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label="Regenerate answer"
      title="Regenerate answer"
      onClick={() => void thread.regenerate(entry)}
    >
      <Icon name="refresh" size={16} />
    </button>
  );
}

function Interruption({ entry, thread, isLast }: Omit<Props, "isFound">) {
  const { error } = entry.message.value;
  return (
    <div class="interruption" role="note">
      <Icon name="alert" />
      <p>
        <strong>The answer was interrupted.</strong> {error?.message ?? "What came before is kept."}
      </p>
      {isLast && (
        <button type="button" class="button" onClick={() => void thread.regenerate(entry)}>
          <Icon name="refresh" size={16} />
          Regenerate
        </button>
      )}
    </div>
  );
}

function Thinking() {
  return (
    <p class="thinking">
      <span />
      <span />
      <span />
      <span class="visually-hidden">Waiting for the answer</span>
    </p>
  );
}

function lineCount(text: string): number {
  let count = 1;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

function fold(text: string): string {
  const lines = text.slice(0, FOLD_ABOVE_LENGTH).split("\n", FOLD_ABOVE_LINES);
  return `${lines.join("\n").trimEnd()}…\n`;
}
