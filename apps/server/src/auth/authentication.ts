import type { Database } from "@peregrine/database";
import type { User } from "@peregrine/protocol";
import type { KnownCredentials } from "../cache/credentials.ts";
import { ApiError } from "../http/api-error.ts";
import { hashSecret } from "./secrets.ts";
import { readSessionCookie } from "./session-cookie.ts";

/** Who is asking, and the session or key that told so, by a name that is no secret. */
type Identity = { user: User; credential: string };

/** @throws ApiError unauthenticated, or bad_origin for a change that another site asked for */
export type Authenticate = (request: Request) => Promise<Identity>;

/**
 * Knows people by their session cookie and programs by `Authorization: Bearer`.
 *
 * A browser sends the cookie with whatever any site asks of it, so with a cookie a request that
 * changes something, or opens a socket, must come from our own pages.
 *
 * @param publicOrigin the origin that people open where the server cannot see it itself
 */
export function createAuthentication(
  database: Database,
  publicOrigin: string | undefined,
): Authenticate {
  return async (request) => {
    const authorization = request.headers.get("authorization");
    if (authorization !== null) {
      const key = bearerKey(authorization);
      const found = key ? await database.apiKeys.find(hashSecret(key)) : null;
      if (!found) throw new ApiError("unauthenticated", "The API key is not valid.");
      return { user: found.user, credential: keyCredential(found.apiKeyId) };
    }
    const token = readSessionCookie(request.headers);
    const tokenHash = token ? hashSecret(token) : null;
    const session = tokenHash && (await database.sessions.find(tokenHash));
    if (!session) throw new ApiError("unauthenticated", "Sign in first.");
    requireOwnOrigin(request, publicOrigin);
    return { user: session.user, credential: sessionCredential(tokenHash) };
  };
}

/**
 * Who asks for a read, the user's id, where memory knows; undefined says nothing, and leaves it to
 * `Authenticate`, also to refuse. Upgrades are left to it too, since for them the origin counts.
 */
export function createKnownReader(known: KnownCredentials) {
  return ({ headers }: Request): string | undefined => {
    if (headers.get("upgrade") !== null) return undefined;
    const authorization = headers.get("authorization");
    if (authorization !== null) {
      const key = bearerKey(authorization);
      return key && known.apiKey(hashSecret(key));
    }
    const token = readSessionCookie(headers);
    return token && known.session(hashSecret(token));
  };
}

function bearerKey(authorization: string): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1];
}

export const keyCredential = (apiKeyId: string) => `key:${apiKeyId}`;

export function sessionCredential(tokenHash: Uint8Array): string {
  return `session:${Buffer.from(tokenHash).toString("base64url")}`;
}

/** @throws ApiError bad_origin */
export function requireOwnOrigin(request: Request, publicOrigin: string | undefined): void {
  const isUpgrade = request.headers.get("upgrade") !== null;
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (isRead && !isUpgrade) return;
  const origin = request.headers.get("origin");
  if (origin === null) {
    // Programs send neither header; browsers send at least the second with what changes something.
    const site = request.headers.get("sec-fetch-site");
    if (site === null || site === "same-origin" || site === "none") return;
  } else if (URL.canParse(origin)) {
    const own = publicOrigin ?? request.headers.get("host");
    if (new URL(origin).host === own || origin === own) return;
  }
  throw new ApiError("bad_origin", "This request did not come from this site.");
}
