import { createHmac, timingSafeEqual } from "node:crypto";

/** Makes addresses under which somebody without a session may read one file until a moment. */
export type UrlSigner = {
  /** @param path from the slash on, without a query */
  sign(path: string, expiresAt: Date): string;
};

/** Our own, for any network: the server that the network asks checks it. */
export type OwnSigner = UrlSigner & {
  /** @returns when the address ends, or null for one that was not signed so or has ended */
  verify(path: string, query: URLSearchParams, now: Date): Date | null;
};

const maxTimestampDigits = 10;

/**
 * HMAC-SHA256 of the path and its end, in seconds since 1970, as `?expires=…&signature=…`.
 *
 * @param key at least 16 characters; servers with the same key believe each other
 */
export function ownSigner(baseUrl: string, key: string): OwnSigner {
  function signature(path: string, expires: string): Buffer {
    return createHmac("sha256", key).update(`${path}\n${expires}`).digest();
  }
  return {
    sign(path, expiresAt) {
      const expires = String(Math.floor(expiresAt.getTime() / 1000));
      const signed = signature(path, expires).toString("base64url");
      return `${baseUrl}${path}?expires=${expires}&signature=${signed}`;
    },
    verify(path, query, now) {
      const expires = query.get("expires") ?? "";
      const given = Buffer.from(query.get("signature") ?? "", "base64url");
      const right = signature(path, expires);
      // Compared first and as a whole, so that the time it takes tells nothing.
      const isSigned = given.length === right.length && timingSafeEqual(given, right);
      if (!isSigned || expires.length > maxTimestampDigits) return null;
      const end = new Date(Number(expires) * 1000);
      return end > now ? end : null;
    },
  };
}
