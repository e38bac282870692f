import { type Credential, hashText } from "./cache-types.ts";
import type { AppCache } from "./open-cache.ts";

/** Where the cache keeps whose a session is. */
export const sessionKey = (tokenHash: Uint8Array) => ({
  owner: hashText(tokenHash),
  kind: "session",
});
/** Where the cache keeps whose a key is. */
export const apiKeyKey = (keyHash: Uint8Array) => ({ owner: hashText(keyHash), kind: "key" });

type Expiring = Credential & { expiresAt: string };

/** Whether a session that was found is one, and still is. */
export function isValidSession(found: Credential | undefined): found is Expiring {
  return (
    found !== undefined && found.expiresAt !== null && Date.parse(found.expiresAt) > Date.now()
  );
}

/** Whose a session or a key is, the user's id; undefined says nothing. */
export type KnownCredentials = {
  session(tokenHash: Uint8Array): string | undefined;
  apiKey(keyHash: Uint8Array): string | undefined;
};

/** What memory knows of who signs in by what: the same as `cachedDatabase` finds, without waiting. */
export function knownCredentials(cache: AppCache): KnownCredentials {
  /** Whoever has no account any more has no session either. */
  const withAccount = (found: Credential | undefined) =>
    found && cache.peek("user_profile", { owner: found.userId, id: found.userId })
      ? found.userId
      : undefined;
  return {
    session(tokenHash) {
      const found = cache.peek("session", sessionKey(tokenHash));
      return isValidSession(found) ? withAccount(found) : undefined;
    },
    apiKey: (keyHash) => withAccount(cache.peek("api_key", apiKeyKey(keyHash))),
  };
}
