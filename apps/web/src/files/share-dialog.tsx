import type { FileInfo, MessageFile } from "@peregrine/protocol";
import { useEffect, useState } from "preact/hooks";
import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog } from "../ui/dialog.tsx";

/** Who may see a file: its owner alone, or everybody who has its address. */
export function ShareDialog({ file, onClose }: { file: MessageFile; onClose: () => void }) {
  const { api } = useApp();
  const [info, setInfo] = useState<FileInfo | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(true);

  const run = (work: Promise<FileInfo>) => {
    setBusy(true);
    work
      .then(
        (now) => {
          setInfo(now);
          setProblem(null);
        },
        (error: unknown) => setProblem(describeError(error)),
      )
      .finally(() => setBusy(false));
  };
  useEffect(() => run(api.file(file.id)), [api, file.id]);

  const isPublic = info?.visibility === "public";
  // Where the server does not know its own address, it is the one that this page came from.
  const address = info?.publicUrl && new URL(info.publicUrl, location.href).href;
  return (
    <Dialog title={`Share “${file.name}”`} onClose={onClose}>
      <p class="dialog-text" role="status">
        {problem ??
          (!info
            ? "Looking it up …"
            : isPublic
              ? "Everybody who has this address can open the file:"
              : "You alone can open this file. With a public address everybody who has it could.")}
      </p>
      {address && (
        <p class="share-address">
          <a href={address} target="_blank" rel="noopener">
            {address}
          </a>
          <CopyButton label="Copy address" text={() => address} />
        </p>
      )}
      <footer class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Done
        </button>
        {info && (
          <button
            type="button"
            class={isPublic ? "button button-danger" : "button button-primary"}
            disabled={isBusy}
            onClick={() => run(api.showFile(file.id, isPublic ? "private" : "public"))}
          >
            {isPublic ? "Make private" : "Make public"}
          </button>
        )}
      </footer>
    </Dialog>
  );
}
