import type {
  FileBody,
  FileInfo,
  SignedPartBody,
  UploadBody,
  UploadInfo,
} from "@peregrine/protocol";
import { ApiError } from "../api/api-error.ts";
import { uploadRemoved } from "./upload-removed.ts";

type OutgoingPart = { method: "PUT"; url: string; body: Blob; headers: Record<string, string> };

/** What an upload needs of the API. Paths begin behind `/api/v1`. */
export type PartServer = {
  request<Body>(
    method: string,
    path: string,
    body: object | undefined,
    signal: AbortSignal,
  ): Promise<Body>;
  remove(path: string): Promise<void>;
  /** Sends a part to a path of the API, or to a whole address. @throws ApiError */
  send(
    part: OutgoingPart,
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ): Promise<void>;
};

type Memory = Pick<Storage, "getItem" | "setItem" | "removeItem">;

type Options = {
  onProgress(fraction: number): void;
  signal: AbortSignal;
  /** Where uploads are remembered that were cut off. */
  memory?: Memory;
  /** The pause before the first retry; each is twice the one before. */
  firstPauseMs?: number;
};

/** Enough to fill a line with a long way; the server's disk sees three writers. */
const partsAtOnce = 3;
/** With pauses that double, up to 15 s, this bridges a minute and a half without a network. */
const attempts = 10;
const longestPauseMs = 15_000;
/** Where sending to the store itself fails so often in a row, parts go through the server. */
const directFailuresAllowed = 2;

/**
 * Uploads a large file in parts, several at once. A part that fails is sent again; an upload that
 * fails for good, or whose page was closed, goes on with the parts that are missing when the same
 * file is given again, for as long as the server keeps it.
 *
 * @throws ApiError; the signal's reason when it aborts
 */
export async function uploadInParts(
  server: PartServer,
  file: File,
  { onProgress, signal, memory = localStorage, firstPauseMs = 500 }: Options,
): Promise<FileInfo> {
  const remembered = `upload:${file.name}:${file.size}:${file.lastModified}`;
  const upload = await open();
  const path = `/uploads/${upload.id}`;
  const sent = new Map<number, number>();
  let directFailures = 0;
  try {
    await sendMissing(upload);
    const info = await complete();
    memory.removeItem(remembered);
    return info;
  } catch (error) {
    if (signal.reason === uploadRemoved) {
      memory.removeItem(remembered);
      // What stays after a failure here is swept by the server.
      server.remove(path).catch(() => {});
    }
    throw error;
  }

  async function open(): Promise<UploadInfo> {
    const id = memory.getItem(remembered);
    if (id !== null) {
      try {
        const found = await server.request<UploadBody>("GET", `/uploads/${id}`, undefined, signal);
        return found.upload;
      } catch (error) {
        // Given up since, or somebody else's who used this browser.
        if (!(error instanceof ApiError) || error.code !== "not_found") throw error;
      }
    }
    const wanted = { name: file.name, sizeBytes: file.size };
    const begun = await server.request<UploadBody>("POST", "/uploads", wanted, signal);
    memory.setItem(remembered, begun.upload.id);
    return begun.upload;
  }

  async function sendMissing({ partBytes, partsDone }: UploadInfo): Promise<void> {
    const count = Math.ceil(file.size / partBytes);
    const bytesOf = (number: number) =>
      Math.min(number * partBytes, file.size) - (number - 1) * partBytes;
    for (const number of partsDone) sent.set(number, bytesOf(number));
    const missing = Array.from({ length: count }, (_, i) => i + 1).filter(
      (number) => !partsDone.includes(number),
    );
    const tell = () => {
      let bytes = 0;
      for (const part of sent.values()) bytes += part;
      onProgress(bytes / file.size);
    };
    tell();
    // One that fails for good ends the others too.
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const work = async () => {
      for (let number = missing.shift(); number !== undefined; number = missing.shift()) {
        const body = file.slice((number - 1) * partBytes, number * partBytes);
        await retried(either, () =>
          sendPart(number, body, either, (fraction) => {
            sent.set(number, fraction * body.size);
            tell();
          }),
        );
        sent.set(number, body.size);
        tell();
      }
    };
    try {
      await Promise.all(Array.from({ length: partsAtOnce }, work));
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  }

  async function sendPart(
    number: number,
    body: Blob,
    either: AbortSignal,
    onPart: (fraction: number) => void,
  ): Promise<void> {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await body.arrayBuffer()));
    const sha256 = btoa(String.fromCharCode(...bytes));
    const url = `${path}/parts/${number}`;
    if (upload.isDirect && directFailures < directFailuresAllowed) {
      const signed = await server.request<SignedPartBody>("POST", url, { sha256 }, either);
      const part = { method: "PUT", url: signed.url, headers: signed.headers, body } as const;
      try {
        await server.send(part, onPart, either);
        directFailures = 0;
      } catch (error) {
        directFailures++;
        throw error;
      }
    } else {
      const headers = { "content-digest": `sha-256=:${sha256}:` };
      await server.send({ method: "PUT", url, headers, body }, onPart, either);
    }
  }

  /** A large file is looked at for as long as it takes; the server says so and is asked again. */
  async function complete(): Promise<FileInfo> {
    for (;;) {
      const answer = await retried(signal, () =>
        server.request<FileBody | UploadBody>("POST", `${path}/complete`, undefined, signal),
      );
      if ("file" in answer) return answer.file;
      await pause(1000, signal);
    }
  }

  async function retried<T>(until: AbortSignal, work: () => Promise<T>): Promise<T> {
    let pauseMs = firstPauseMs;
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const canRetry = error instanceof ApiError && error.retryable && attempt < attempts;
        if (until.aborted || !canRetry) throw error;
        await pause(Math.max(pauseMs, error.retryAfterMs ?? 0), until);
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
  }
}

/** Ends early when the network is back. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      globalThis.removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    globalThis.addEventListener("online", end);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
