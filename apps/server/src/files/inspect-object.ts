import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { FileStore } from "@peregrine/cdn";
import { headBytes, mediaTypeOf } from "./media-type.ts";
import { bytesForText } from "./text/extract-text.ts";

type Inspected = {
  sizeBytes: number;
  hash: Uint8Array;
  mediaType: string;
  /** As much of the file as its text needs, on this machine's disk; null for one without text. */
  textPath: string | null;
  /** Removes that. */
  discard(): Promise<void>;
};

/** After so many bytes whatever else waits gets its turn: about 5 ms of hashing. */
const bytesAtOnce = 4 * 1024 * 1024;

/**
 * Reads an object of the store from its first byte to its last, as it really is, whatever its sender
 * said of it. Of a file with text what the text needs is kept aside.
 *
 * @param alive called now and then while it goes on; what it throws ends the work
 * @returns null if there is no such object
 */
export async function inspectObject(
  store: FileStore,
  object: { key: string; name: string },
  directory: string,
  alive: () => Promise<void>,
): Promise<Inspected | null> {
  const body = await store.read(object.key);
  if (!body) return null;
  const stream = body instanceof Blob ? body.stream() : body;
  const path = join(directory, randomUUID());
  const discard = () => rm(path, { force: true });
  const hash = createHash("sha256");
  let head = Buffer.alloc(0);
  let mediaType: string | undefined;
  let copy: FileHandle | undefined;
  let copyBytesLeft = 0;
  let sizeBytes = 0;
  let bytesSincePause = 0;

  async function keep(piece: Uint8Array): Promise<void> {
    if (!copy || copyBytesLeft <= 0) return;
    const kept = piece.subarray(0, copyBytesLeft);
    copyBytesLeft -= kept.byteLength;
    await copy.writeFile(kept);
  }
  async function know(): Promise<void> {
    mediaType = mediaTypeOf(head.subarray(0, headBytes), object.name);
    copyBytesLeft = bytesForText(mediaType);
    if (copyBytesLeft > 0) copy = await open(path, "wx", 0o600);
    await keep(head);
  }

  try {
    for await (const piece of stream) {
      hash.update(piece);
      sizeBytes += piece.byteLength;
      bytesSincePause += piece.byteLength;
      if (mediaType === undefined) {
        head = Buffer.concat([head, piece]);
        if (head.byteLength >= headBytes) await know();
      } else {
        await keep(piece);
      }
      if (bytesSincePause < bytesAtOnce) continue;
      bytesSincePause = 0;
      await new Promise(setImmediate);
      await alive();
    }
    if (mediaType === undefined) await know();
    return {
      sizeBytes,
      hash: new Uint8Array(hash.digest()),
      mediaType: mediaType as string,
      textPath: copy ? path : null,
      discard,
    };
  } catch (error) {
    await discard();
    throw error;
  } finally {
    await copy?.close();
  }
}
