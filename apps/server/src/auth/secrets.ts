import { hash, randomBytes } from "node:crypto";

/** A secret that is handed out once; what is kept is its hash. */
export type Secret = { text: string; hash: Uint8Array };

/** 256 random bits, as text that is safe in a cookie and a header. */
export function newSecret(prefix = ""): Secret {
  const text = prefix + randomBytes(32).toString("base64url");
  return { text, hash: hashSecret(text) };
}

/**
 * SHA-256. Enough for a secret of 256 random bits, and the database finds the row by it, so that
 * no comparison of secrets takes a time that tells anything.
 */
export function hashSecret(text: string): Uint8Array {
  return hash("sha256", text, "buffer");
}
