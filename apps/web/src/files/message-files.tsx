import type { MessageFile } from "@peregrine/protocol";
import { useState } from "preact/hooks";
import { Icon } from "../ui/icon.tsx";
import { fileSize } from "./file-size.ts";
import { ShareDialog } from "./share-dialog.tsx";

/** What the server shows as a picture; all else it hands out to be saved. */
export function isPicture(file: MessageFile): boolean {
  return /^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(file.mediaType);
}

/** The files of a question: pictures small, everything else by its name. */
export function MessageFiles({ files }: { files: readonly MessageFile[] }) {
  const [shared, setShared] = useState<MessageFile | null>(null);
  if (files.length === 0) return null;
  return (
    <>
      <ul class="message-files" aria-label="Attached files">
        {files.map((file) => (
          <li key={file.id} class="message-file">
            <FileLink file={file} />
            <button
              type="button"
              class="icon-button file-share"
              aria-label={`Share ${file.name}`}
              title="Share"
              onClick={() => setShared(file)}
            >
              <Icon name="share" size={14} />
            </button>
          </li>
        ))}
      </ul>
      {shared && <ShareDialog file={shared} onClose={() => setShared(null)} />}
    </>
  );
}

function FileLink({ file }: { file: MessageFile }) {
  const address = `/api/v1/files/${file.id}/content`;
  return (
    <a
      class={isPicture(file) ? "file-picture" : "file-chip"}
      href={address}
      target="_blank"
      rel="noopener"
      title={`${file.name}, ${fileSize(file.sizeBytes)}`}
    >
      {isPicture(file) ? (
        <img
          src={address}
          alt={file.name}
          width={120}
          height={120}
          loading="lazy"
          decoding="async"
        />
      ) : (
        <>
          <Icon name="file" size={18} />
          <span class="attachment-name">{file.name}</span>
          <span class="attachment-note">{fileSize(file.sizeBytes)}</span>
        </>
      )}
    </a>
  );
}
