import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { ApiError } from "../http/api-error.ts";
import { cutOff, toUploadError } from "./receive-file.ts";

/** A part that has arrived and waits on this machine's disk. */
type ReceivedPart = { path: string; sha256: Uint8Array; discard(): Promise<void> };

/**
 * Takes the body of a request as one part of a file: exactly so many bytes, with the SHA-256 that
 * its `Content-Digest` says (RFC 9530). Of these the memory holds one piece at a time.
 *
 * @throws ApiError for other bytes, or fewer, or more; nothing is left on the disk then
 */
export async function receivePart(
  request: Request,
  directory: string,
  sizeBytes: number,
): Promise<ReceivedPart> {
  const expected = contentDigest(request.headers.get("content-digest"));
  const path = join(directory, randomUUID());
  const discard = () => rm(path, { force: true });
  const hash = createHash("sha256");
  let received = 0;
  try {
    const file = await open(path, "wx", 0o600);
    try {
      for await (const piece of request.body ?? []) {
        received += piece.byteLength;
        if (received > sizeBytes) throw wrongSize(sizeBytes);
        hash.update(piece);
        await file.writeFile(piece);
      }
    } finally {
      await file.close();
    }
    if (received < sizeBytes) throw cutOff(wrongSize(sizeBytes));
    const sha256 = hash.digest();
    if (!timingSafeEqual(sha256, expected)) {
      throw new ApiError("invalid_request", "The part has other bytes than its digest says.", {
        field: "Content-Digest",
      });
    }
    return { path, sha256: new Uint8Array(sha256), discard };
  } catch (error) {
    await discard();
    throw toUploadError(error);
  }
}

function contentDigest(header: string | null): Uint8Array {
  const base64 = /(?:^|[,\s])sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header ?? "")?.[1];
  if (base64 !== undefined) return Buffer.from(base64, "base64");
  throw new ApiError(
    "invalid_request",
    "A part needs the SHA-256 of its bytes: Content-Digest: sha-256=:…:",
    { field: "Content-Digest" },
  );
}

function wrongSize(sizeBytes: number): ApiError {
  return new ApiError(
    "payload_too_large",
    `This part has ${sizeBytes.toLocaleString("en")} bytes, no more.`,
  );
}
