import { createHash } from "node:crypto";

/**
 * A value as JSON bytes, ready to be sent, with its strong ETag. Kept with its entry, so that a hit
 * serialises and hashes nothing.
 */
export interface Body {
  readonly bytes: Uint8Array;
  /** With its quotes, as the header wants it. */
  readonly etag: string;
}

export function encodeBody(value: unknown): Body {
  // "Not there" as JSON is null.
  return bodyOf(encoder.encode(JSON.stringify(value ?? null)));
}

function bodyOf(bytes: Uint8Array): Body {
  const digest = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
  return { bytes, etag: `"${digest}"` };
}

const encoder = new TextEncoder();
