import { Icon } from "../ui/icon.tsx";
import type { Attachment, Attachments } from "./attachments.ts";
import { fileSize } from "./file-size.ts";

/** The files that will go with the question, each with how far it is. */
export function AttachmentList({ attachments }: { attachments: Attachments }) {
  const list = attachments.list.value;
  if (list.length === 0) return null;
  return (
    <ul class="attachments" aria-label="Attached files">
      {list.map((attachment) => (
        <Item key={attachment.key} attachment={attachment} attachments={attachments} />
      ))}
    </ul>
  );
}

function Item({ attachment, attachments }: { attachment: Attachment; attachments: Attachments }) {
  const { source, previewUrl } = attachment;
  const state = attachment.state.value;
  return (
    <li class="attachment" data-state={state.name}>
      {previewUrl ? (
        <img class="attachment-preview" src={previewUrl} alt="" />
      ) : (
        <span class="attachment-preview">
          <Icon name={state.name === "failed" ? "alert" : "file"} size={20} />
        </span>
      )}
      <span class="attachment-text">
        <span class="attachment-name" title={source.name}>
          {source.name}
        </span>
        {state.name === "uploading" && (
          <progress aria-label={`Uploading ${source.name}`} max={1} value={state.progress} />
        )}
        {state.name === "ready" && <span class="attachment-note">{fileSize(source.size)}</span>}
        {state.name === "failed" && (
          <span class="attachment-note" role="alert">
            {state.problem}
            {state.canRetry && (
              <button
                type="button"
                class="link-button"
                onClick={() => attachments.retry(attachment)}
              >
                Try again
              </button>
            )}
          </span>
        )}
      </span>
      <button
        type="button"
        class="attachment-remove"
        aria-label={`Remove ${source.name}`}
        title="Remove"
        onClick={() => attachments.remove(attachment)}
      >
        <Icon name="close" size={14} />
      </button>
    </li>
  );
}
