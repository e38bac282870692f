import type { WarmOptions, WarmProgress } from "@peregrine/cache";
import type { Database } from "@peregrine/database";
import { conversationTag } from "./cache-types.ts";
import type { AppCache } from "./open-cache.ts";

/** The types that can be warmed. */
export const warmableTypes = ["user_profile", "conversation"] as const;
export type WarmableType = (typeof warmableTypes)[number];

/**
 * Puts into the cache what those who were here last are likely to ask for: their profiles, and the
 * newest of their conversations.
 */
export function warmCache(
  cache: AppCache,
  database: Database,
  type: WarmableType,
  options: WarmOptions,
): Promise<Readonly<WarmProgress>> {
  if (type === "user_profile") {
    return cache.warm(
      "user_profile",
      async (batch) =>
        (await database.warming.users(batch)).map((user) => ({
          key: { owner: user.id, id: user.id },
          value: user,
        })),
      options,
    );
  }
  return cache.warm(
    "conversation",
    async (batch) =>
      (await database.warming.conversations(batch)).map(({ userId, conversation }) => ({
        key: { owner: userId, id: conversation.id },
        value: { conversation },
        tags: [conversationTag(conversation.id)],
      })),
    options,
  );
}
