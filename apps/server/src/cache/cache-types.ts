import { type TypeTable, typed } from "@peregrine/cache";
import type { StoredFile } from "@peregrine/database";
import type {
  ConversationBody,
  ConversationListBody,
  MessageListBody,
  SearchBody,
  User,
} from "@peregrine/protocol";
import type { CachedAnswer } from "../generation/shared/answer-cache.ts";

const second = 1000;

/** Who a session or a key belongs to. */
export type Credential = { userId: string; expiresAt: string | null };

/**
 * Everything the application caches. Sessions and keys are owned by their own hash, since whose they
 * are is what is being asked; they live a minute, so that their last use is noted about as often.
 *
 * @param ttlSeconds the lifetime of what has no other reason for one
 */
export function cacheTypes(ttlSeconds: number) {
  return {
    session: {
      lifetimeMs: 60 * second,
      layer: "redis",
      key: ["kind"],
      value: typed<Credential | undefined>(),
    },
    api_key: {
      lifetimeMs: 60 * second,
      layer: "redis",
      key: ["kind"],
      value: typed<(Credential & { apiKeyId: string }) | undefined>(),
    },
    user_profile: {
      lifetimeMs: 3600 * second,
      layer: "redis",
      key: ["id"],
      value: typed<User | undefined>(),
    },
    conversation: {
      lifetimeMs: 1800 * second,
      layer: "redis",
      key: ["id"],
      negativeLifetimeMs: 30 * second,
      value: typed<ConversationBody | undefined>(),
    },
    conversation_list: {
      lifetimeMs: ttlSeconds * second,
      layer: "redis",
      key: ["limit"],
      cost: 3,
      value: typed<ConversationListBody>(),
    },
    message_list: {
      lifetimeMs: ttlSeconds * second,
      layer: "redis",
      key: ["conversation", "limit"],
      cost: 3,
      negativeLifetimeMs: 30 * second,
      value: typed<MessageListBody | undefined>(),
    },
    search_results: {
      lifetimeMs: 600 * second,
      layer: "redis",
      key: ["search"],
      cost: 5,
      value: typed<SearchBody>(),
    },
    /** Which replicas may answer somebody's searches; only where there are replicas. */
    log_position: {
      lifetimeMs: 600 * second,
      layer: "redis",
      key: ["kind"],
      value: typed<string>(),
    },
    /** In memory alone: large, and seldom asked for again. A model takes seconds where a query takes one ms. */
    ai_response: {
      lifetimeMs: 300 * second,
      layer: "memory",
      key: ["request"],
      cost: 1000,
      value: typed<CachedAnswer>(),
    },
    file_metadata: {
      lifetimeMs: 7200 * second,
      layer: "redis",
      key: ["id"],
      negativeLifetimeMs: 30 * second,
      value: typed<StoredFile | undefined>(),
    },
    /** The same for everybody, and so owned by nobody: see `cachedDatabase`. */
    public_file: {
      lifetimeMs: 7200 * second,
      layer: "redis",
      key: ["hash"],
      negativeLifetimeMs: 30 * second,
      value: typed<StoredFile | undefined>(),
    },
  } as const satisfies TypeTable;
}

export type CacheTypes = ReturnType<typeof cacheTypes>;

/** What changes with one conversation, its messages included. */
export const conversationTag = (conversationId: string) => `conversation:${conversationId}`;
/** What changes with the list of somebody's conversations. */
export const conversationsTag = (userId: string) => `conversations:${userId}`;
/** What changes with one file. */
export const fileTag = (fileId: string) => `file:${fileId}`;
/** What changes with the files that everybody may have under one hash. */
export const publicFileTag = (hash: string) => `public:${hash}`;
/** What changes with the texts of somebody's files. */
export const documentsTag = (userId: string) => `documents:${userId}`;
/** What changes with a session or a key. */
export const credentialTag = (hash: Uint8Array) => `credential:${hashText(hash)}`;

export const hashText = (hash: Uint8Array) => Buffer.from(hash).toString("base64url");
