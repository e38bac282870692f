import { type FileHandle, open } from "node:fs/promises";
import type { StoredHead } from "../stored-response.ts";

/**
 * The file of one response: a line that says how long its parts are, the head as JSON, the body. Both
 * parts have a checksum, so that a file that was not written to its end, or has changed since, is
 * known for what it is: renaming it into place without a flush is enough.
 */
const magic = "peregrine-edge-cache-1";
const lineBytes = 128;

/** What a file of the store says of itself, and where it is. */
export type EntryHead = { readonly head: StoredHead; readonly bodyBytes: number };

export async function writeEntry(path: string, head: StoredHead, body: Buffer): Promise<void> {
  const text = Buffer.from(JSON.stringify(head));
  const line = [magic, text.length, body.length, checksum(text), checksum(body)].join(" ");
  const file = await open(path, "wx");
  try {
    await writeAll(file, Buffer.from(`${line.padEnd(lineBytes - 1)}\n`));
    await writeAll(file, text);
    await writeAll(file, body);
  } finally {
    await file.close();
  }
}

/** @returns undefined where the file is not a whole entry */
export async function readEntryHead(path: string): Promise<EntryHead | undefined> {
  const file = await open(path, "r");
  try {
    return (await readHead(file))?.entry;
  } finally {
    await file.close();
  }
}

/** @returns undefined where the file is not a whole entry */
export async function readEntry(
  path: string,
): Promise<{ head: StoredHead; body: Buffer } | undefined> {
  const file = await open(path, "r");
  try {
    const found = await readHead(file);
    if (found === undefined) return undefined;
    const body = Buffer.allocUnsafeSlow(found.entry.bodyBytes);
    const isWhole = await readAll(file, body, found.bodyAt);
    if (!isWhole || checksum(body) !== found.bodyChecksum) return undefined;
    return { head: found.entry.head, body };
  } finally {
    await file.close();
  }
}

async function readHead(file: FileHandle) {
  const line = Buffer.alloc(lineBytes);
  if (!(await readAll(file, line, 0))) return undefined;
  const parts = line.toString("latin1").trimEnd().split(" ");
  const [name, headLength, bodyLength, headChecksum, bodyChecksum] = parts;
  const [headBytes, bodyBytes] = [Number(headLength), Number(bodyLength)];
  if (name !== magic || parts.length !== 5 || !(headBytes > 0) || !(bodyBytes >= 0)) {
    return undefined;
  }
  const { size } = await file.stat();
  if (size !== lineBytes + headBytes + bodyBytes) return undefined;
  const text = Buffer.alloc(headBytes);
  if (!(await readAll(file, text, lineBytes)) || checksum(text) !== headChecksum) return undefined;
  const head = JSON.parse(text.toString()) as StoredHead;
  return { entry: { head, bodyBytes }, bodyChecksum, bodyAt: lineBytes + headBytes };
}

/** 64 bits: faults of disks and of crashes are found, and 1 MB takes 0.1 ms. */
function checksum(bytes: Uint8Array): string {
  return Bun.hash.xxHash64(bytes).toString(16);
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
  }
}

async function readAll(file: FileHandle, into: Buffer, position: number): Promise<boolean> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
}
