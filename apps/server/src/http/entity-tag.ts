import type { Encoding } from "./accept-encoding.ts";
import { ApiError } from "./api-error.ts";

/** No list of tags that a client of ours can have is this long. */
const maxHeaderLength = 4096;

/**
 * The strong entity tag of a body: 64 bits of its hash (wyhash, 10 GB/s), so that servers agree on
 * it without asking each other. A compressed body has a tag of its own, as other bytes must.
 */
export function entityTag(body: string | Uint8Array, encoding?: Encoding): string {
  return taggedFor(`"${Bun.hash(body).toString(36)}"`, encoding);
}

/** The tag of the same content in another coding. */
export function taggedFor(tag: string, encoding: Encoding | undefined): string {
  return encoding === undefined ? tag : `${tag.slice(0, -1)}-${encoding}"`;
}

/**
 * Whether `If-None-Match` names this content, in whichever coding the client has it.
 *
 * @throws ApiError header_too_large
 */
export function isNotModified(request: Request, tag: string): boolean {
  const header = request.headers.get("if-none-match");
  return header !== null && matchesTag("If-None-Match", header, tag);
}

/**
 * Whether a list of entity tags names this one, weak or strong, in any coding.
 *
 * @throws ApiError header_too_large
 */
function matchesTag(name: string, header: string, tag: string): boolean {
  if (header.length > maxHeaderLength) {
    throw new ApiError(
      "header_too_large",
      `${name} has ${header.length} characters; ${maxHeaderLength} are read.`,
      { field: name },
    );
  }
  // What nearly every client sends: the one tag it has, as it was given.
  if (header === tag) return true;
  if (header.trim() === "*") return true;
  const opaque = tag.slice(1, -1);
  for (const [, found = ""] of header.matchAll(/(?:W\/)?"([^"]*)"/g)) {
    if (found === opaque || found.replace(/-(br|zstd|gzip)$/, "") === opaque) return true;
  }
  return false;
}
