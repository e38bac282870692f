import { limits } from "@peregrine/protocol/limits";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../app/app-state.ts";
import { AttachmentList } from "../files/attachment-list.tsx";
import { Icon } from "../ui/icon.tsx";
import type { Thread } from "./thread.ts";

/** The length is shown from here on. */
const SHOW_LENGTH_ABOVE = limits.messageLength * 0.9;
const SAVE_DRAFT_AFTER_MS = 250;

/** Where questions are written. What is typed is kept as a draft until the server has it. */
export function Composer({ thread }: { thread: Thread }) {
  const app = useApp();
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(() => app.drafts.read(thread.id.peek()));
  const newest = useRef(text);
  newest.current = text;
  const isAnswering = thread.answering.value;
  const isTooLong = text.length > limits.messageLength;
  const isReady = thread.span.load.value === "ready";
  const areFilesReady = thread.attachments.areReady.value;
  const canSend = isReady && !isAnswering && !isTooLong && areFilesReady && /\S/.test(text);

  useLayoutEffect(() => fitHeight(area.current), [text]);
  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) area.current?.focus();
  }, [thread]);
  useEffect(() => {
    if (text === "") return;
    const save = () => app.drafts.write(thread.id.peek(), newest.current);
    const timer = setTimeout(save, SAVE_DRAFT_AFTER_MS);
    addEventListener("pagehide", save);
    return () => {
      clearTimeout(timer);
      removeEventListener("pagehide", save);
      if (newest.current !== "") save();
    };
  }, [text, thread]);

  const change = (value: string) => {
    if (value === "") app.drafts.write(thread.id.peek(), "");
    setText(value);
    thread.notice.value = null;
  };

  const send = async () => {
    if (isAnswering || !canSend) {
      if (isAnswering && /\S/.test(text)) await thread.ask(text);
      return;
    }
    const draftOf = thread.id.peek();
    newest.current = "";
    setText("");
    app.drafts.write(draftOf, text);
    const forget = () => {
      if (app.drafts.read(draftOf) === text) app.drafts.write(draftOf, "");
    };
    const isAccepted = await thread.ask(text, forget);
    if (!isAccepted) setText(newest.current === "" ? text : `${text}\n\n${newest.current}`);
  };

  const attach = (files: Iterable<File>) => {
    thread.notice.value = thread.attachments.add(files);
    area.current?.focus();
  };

  const onPaste = (event: ClipboardEvent) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    attach(files);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // 229 is what Safari gives for the Enter that ends a composition.
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    if (event.shiftKey || event.altKey) return;
    event.preventDefault();
    void send();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {thread.notice.value && (
        <p class="composer-notice" role="alert">
          <Icon name="alert" size={16} />
          {thread.notice.value}
        </p>
      )}
      <AttachmentList attachments={thread.attachments} />
      <div class="composer-box" data-invalid={isTooLong ? "" : undefined}>
        <AttachButton onFiles={attach} />
        <textarea
          ref={area}
          id="composer"
          aria-label="Message"
          aria-describedby="composer-hint"
          aria-invalid={isTooLong}
          placeholder="Ask anything"
          rows={1}
          value={text}
          enterkeyhint="send"
          onInput={(event) => change(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        {text.length > SHOW_LENGTH_ABOVE && (
          <span class="composer-length" role="status">
            {text.length.toLocaleString()} of {limits.messageLength.toLocaleString()}
          </span>
        )}
        {isAnswering ? (
          <button
            type="button"
            class="send-button"
            aria-label="Stop answer"
            title="Stop answer (Esc)"
            disabled={thread.sending.value || thread.stopping.value}
            onClick={() => void thread.stop()}
          >
            <span class="stop-mark" />
          </button>
        ) : (
          <button
            type="submit"
            class="send-button"
            aria-label="Send message"
            title="Send (Enter)"
            disabled={!canSend}
          >
            <Icon name="send" size={20} />
          </button>
        )}
      </div>
      <p id="composer-hint" class="composer-hint">
        {app.session.info.value?.demonstration
          ? "A demonstration model answers. The administrator can connect a real one."
          : "Answers can be wrong. Check what matters."}
      </p>
    </form>
  );
}

/** Opens the browser's choice of files. */
function AttachButton({ onFiles }: { onFiles: (files: Iterable<File>) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to attach"
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          // Or the same file could not be chosen again.
          event.currentTarget.value = "";
        }}
      />
      <button
        type="button"
        class="attach-button"
        aria-label="Attach files"
        title="Attach files"
        onClick={() => input.current?.click()}
      >
        <Icon name="attach" size={20} />
      </button>
    </>
  );
}

/** Browsers without `field-sizing` need to be told how tall the text is. */
function fitHeight(area: HTMLTextAreaElement | null): void {
  if (!area || CSS.supports("field-sizing", "content")) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}
