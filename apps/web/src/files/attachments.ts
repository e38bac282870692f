import type { MessageFile } from "@peregrine/protocol";
import { limits } from "@peregrine/protocol/limits";
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { ApiError, describeError } from "../api/api-error.ts";
import { uploadRemoved } from "./upload-removed.ts";

/**
 * - `uploading`: on its way; `progress` says how far, from 0 to 1, and 1 while the server reads it.
 * - `ready`: the server has it as `file`.
 * - `failed`: `problem` says why, in words. It can be tried again where that may help.
 */
export type Attachment = {
  readonly key: number;
  readonly source: File;
  /** A picture's own address in this page. */
  readonly previewUrl: string | null;
  readonly state: Signal<AttachmentState>;
};

type AttachmentState =
  | { name: "uploading"; progress: number }
  | { name: "ready"; file: MessageFile }
  | { name: "failed"; problem: string; canRetry: boolean };

type Server = {
  uploadFile(
    file: File,
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ): Promise<MessageFile>;
  deleteFile(id: string): Promise<void>;
};

/**
 * The files that will go with the next question. Each is uploaded as soon as it is added, so that
 * sending waits for nothing; one that is taken out again is deleted on the server too.
 */
export class Attachments {
  readonly list: ReadonlySignal<readonly Attachment[]>;
  /** Whether all are there, so that the question can be sent. */
  readonly areReady: ReadonlySignal<boolean>;
  readonly #list: Signal<readonly Attachment[]> = signal([]);
  readonly #server: Server;
  readonly #uploads = new Map<Attachment, AbortController>();
  #nextKey = 0;

  constructor(server: Server) {
    this.#server = server;
    this.list = this.#list;
    this.areReady = computed(() =>
      this.#list.value.every(({ state }) => state.value.name === "ready"),
    );
  }

  /** @returns what is wrong with the rest, where not all could be added. */
  add(files: Iterable<File>): string | null {
    const added: Attachment[] = [];
    const room = limits.filesPerMessage - this.#list.peek().length;
    let leftOut = 0;
    for (const source of files) {
      if (added.length >= room) {
        leftOut++;
        continue;
      }
      const isPicture = /^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(source.type);
      added.push({
        key: this.#nextKey++,
        source,
        previewUrl: isPicture ? URL.createObjectURL(source) : null,
        state: signal({ name: "uploading", progress: 0 }),
      });
    }
    this.#list.value = [...this.#list.peek(), ...added];
    for (const attachment of added) void this.#upload(attachment);
    return leftOut === 0
      ? null
      : `A message takes ${limits.filesPerMessage} files. ${leftOut === 1 ? "One was" : `${leftOut} were`} left out.`;
  }

  retry(attachment: Attachment): void {
    if (attachment.state.peek().name === "failed") void this.#upload(attachment);
  }

  remove(attachment: Attachment): void {
    this.#uploads.get(attachment)?.abort(uploadRemoved);
    const state = attachment.state.peek();
    // What stays on the server after a failure here costs a little room and nothing else.
    if (state.name === "ready") this.#server.deleteFile(state.file.id).catch(() => {});
    this.#letGo([attachment]);
    this.#list.value = this.#list.peek().filter((other) => other !== attachment);
  }

  /** Takes all that are ready, to go with a question. */
  take(): { files: MessageFile[]; giveBack: () => void; done: () => void } {
    const taken = this.#list.peek();
    const files = taken.flatMap(({ state }) => {
      const now = state.peek();
      return now.name === "ready" ? [now.file] : [];
    });
    this.#list.value = [];
    return {
      files,
      giveBack: () => {
        this.#list.value = [...taken, ...this.#list.peek()];
      },
      done: () => this.#letGo(taken),
    };
  }

  /**
   * Ends uploads. What is ready stays on the server, and so do parts of what is not: the page may
   * only have been left.
   */
  dispose(): void {
    for (const upload of this.#uploads.values()) upload.abort();
    this.#letGo(this.#list.peek());
    this.#list.value = [];
  }

  async #upload(attachment: Attachment): Promise<void> {
    const { source, state } = attachment;
    const upload = new AbortController();
    this.#uploads.set(attachment, upload);
    state.value = { name: "uploading", progress: 0 };
    const onProgress = (progress: number) => {
      if (state.peek().name === "uploading") state.value = { name: "uploading", progress };
    };
    try {
      const file = await this.#server.uploadFile(source, onProgress, upload.signal);
      state.value = { name: "ready", file };
      // Taken out between the server's answer and now.
      if (upload.signal.aborted) await this.#server.deleteFile(file.id).catch(() => {});
    } catch (error) {
      if (upload.signal.aborted) return;
      const canRetry = error instanceof ApiError && error.retryable;
      state.value = { name: "failed", problem: describeError(error), canRetry };
    } finally {
      this.#uploads.delete(attachment);
    }
  }

  #letGo(attachments: readonly Attachment[]): void {
    for (const { previewUrl } of attachments) if (previewUrl) URL.revokeObjectURL(previewUrl);
  }
}
