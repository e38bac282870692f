import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyFileStream } from "@fastify/busboy";
import { ApiError } from "../http/api-error.ts";
import { requireFileName } from "./file-name.ts";
import { headBytes } from "./media-type.ts";

/** A file that has arrived and waits on this machine's disk. */
export type ReceivedFile = {
  path: string;
  name: string;
  sizeBytes: number;
  /** SHA-256 of the content. */
  hash: Uint8Array;
  /** The first bytes. */
  head: Uint8Array;
  /** Removes it from the disk. */
  discard(): Promise<void>;
};

/** Takes the one file of a `multipart/form-data` request. @throws ApiError */
export type ReceiveFile = (request: Request) => Promise<ReceivedFile>;

/** The marks between parts, the headers of the part, and other parts that we do not take. */
const formBytes = 64 * 1024;
const leftOverAfterMs = 24 * 3600_000;

/**
 * Opens the place where uploads wait while they arrive. Of a file that is on its way the memory
 * holds one piece of 64 kB; the hash is taken as the pieces pass. What a crash left there is removed
 * the day after.
 */
export async function openUploads(directory: string, maxBytes: number): Promise<ReceiveFile> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const { mtimeMs } = await stat(path);
    if (mtimeMs < Date.now() - leftOverAfterMs) await rm(path, { force: true });
  }

  return async (request) => {
    const declared = Number(request.headers.get("content-length") ?? 0);
    if (declared > maxBytes + formBytes) throw tooLarge(maxBytes);
    const parser = openParser(request.headers.get("content-type"), maxBytes);
    const part = Promise.withResolvers<{ stream: BusboyFileStream; name: string } | null>();
    let partCount = 0;
    // A form that ends within its file tells so on the file and on itself, perhaps in the moment they
    // come and once more when everything is over; what nobody listens to would end the process.
    parser.on("error", () => {});
    parser.on("file", (_field, stream, name) => {
      partCount++;
      stream.on("error", () => {});
      part.resolve({ stream, name: name ?? "" });
    });
    parser.on("finish", () => part.resolve(null));
    for (const limit of ["filesLimit", "partsLimit", "fieldsLimit"] as const) {
      parser.on(limit, () => partCount++);
    }
    const body = Readable.fromWeb((request.body ?? new Response("").body) as never);
    const fed = pipeline(body, parser);
    fed.catch(part.reject);

    const found = await part.promise.catch((cause: unknown) => {
      throw cutOff(cause);
    });
    if (!found) throw notOneFile();
    fed.catch((error: Error) => found.stream.destroy(error));
    const path = join(directory, randomUUID());
    const discard = () => rm(path, { force: true });
    try {
      // Browsers write a quotation mark so (the HTML standard's encoding of multipart forms).
      const name = requireFileName(found.name.replaceAll("%22", '"'));
      const written = await write(found.stream, path);
      if (found.stream.truncated) throw tooLarge(maxBytes);
      await fed;
      if (partCount !== 1) throw notOneFile();
      if (written.sizeBytes === 0) {
        throw new ApiError("invalid_request", "The file is empty.", { field: "file" });
      }
      return { path, name, ...written, discard };
    } catch (error) {
      body.destroy();
      found.stream.destroy();
      await discard();
      throw toUploadError(error);
    }
  };
}

function openParser(contentType: string | null, maxBytes: number): Busboy {
  if (!/^multipart\/form-data\s*;/i.test(contentType ?? "")) {
    throw new ApiError(
      "unsupported_media_type",
      "A file is sent as multipart/form-data, in a field of its own.",
    );
  }
  try {
    return new Busboy({
      headers: { "content-type": contentType as string },
      // A path in the name is refused and not cut down to something else.
      preservePath: true,
      limits: { fileSize: maxBytes, files: 1, fields: 0, parts: 1, headerPairs: 20 },
    });
  } catch (cause) {
    throw new ApiError("invalid_request", "The multipart form has no boundary.", { cause });
  }
}

async function write(stream: BusboyFileStream, path: string) {
  const hash = createHash("sha256");
  const head: Uint8Array[] = [];
  let headLength = 0;
  let sizeBytes = 0;
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      hash.update(piece);
      sizeBytes += piece.byteLength;
      if (headLength < headBytes) {
        head.push(Buffer.from(piece.subarray(0, headBytes - headLength)));
        headLength += Math.min(piece.byteLength, headBytes - headLength);
      }
      await file.writeFile(piece);
    }
  } finally {
    await file.close();
  }
  return { sizeBytes, hash: new Uint8Array(hash.digest()), head: Buffer.concat(head) };
}

/** What a client is told of an upload that failed on its way. */
export function toUploadError(error: unknown): unknown {
  if (error instanceof ApiError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new ApiError("files_full", "There is no room for the file here.", { cause: error });
  }
  // Our own disk and not the client's request.
  if (code !== undefined && /^E[A-Z]+$/.test(code) && code !== "ECONNRESET") return error;
  return cutOff(error);
}

export function cutOff(cause: unknown): ApiError {
  return new ApiError("invalid_request", "The upload ended before the file did.", { cause });
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(
    "payload_too_large",
    `The file is larger than ${maxBytes.toLocaleString("en")} bytes.`,
  );
}

function notOneFile(): ApiError {
  return new ApiError("invalid_request", "The form must hold one file and nothing else.", {
    field: "file",
  });
}
