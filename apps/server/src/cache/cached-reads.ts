import type { Body } from "@peregrine/cache";
import type { Database } from "@peregrine/database";
import type { ConversationBody, ConversationListBody, MessageListBody } from "@peregrine/protocol";
import { conversationsTag, conversationTag } from "./cache-types.ts";
import type { AppCache } from "./open-cache.ts";

type ConversationPage = { userId: string; limit: number };
type MessagePage = { userId: string; conversationId: string; limit: number };

/** A read as a value, and as the bytes of its JSON, which a hit need not make again. */
type CachedRead<Args, Value> = {
  value(args: Args): Promise<Value>;
  /** Undefined for what is not there. */
  body(args: Args): Promise<Body | undefined>;
  /** The same if memory has the bytes at hand; undefined says nothing. */
  peek(args: Args): Body | undefined;
};

/** The reads that people make most: what one sees on opening the application and a conversation. */
export type CachedReads = {
  conversation: CachedRead<{ userId: string; id: string }, ConversationBody | undefined>;
  firstConversations: CachedRead<ConversationPage, ConversationListBody>;
  firstMessages: CachedRead<MessagePage, MessageListBody | undefined>;
};

export function cachedReads(database: Database, cache: AppCache): CachedReads {
  const conversation = ({ userId, id }: { userId: string; id: string }) =>
    [
      "conversation",
      { owner: userId, id },
      async () => {
        const found = await database.conversations.get(userId, id);
        return found ? { conversation: found } : undefined;
      },
      { tags: [conversationTag(id)] },
    ] as const;

  const firstConversations = ({ userId, limit }: ConversationPage) =>
    [
      "conversation_list",
      { owner: userId, limit },
      () => database.conversations.list({ userId, limit, cursor: null }),
      { tags: [conversationsTag(userId)] },
    ] as const;

  const firstMessages = ({ userId, conversationId, limit }: MessagePage) =>
    [
      "message_list",
      { owner: userId, conversation: conversationId, limit },
      async () => {
        const page = { userId, conversationId, limit, cursor: null };
        return (await database.messages.list(page)) ?? undefined;
      },
      { tags: [conversationTag(conversationId)] },
    ] as const;

  return {
    conversation: {
      value: (args) => cache.getOrLoad(...conversation(args)),
      body: async (args) => present(await cache.getOrLoadBody(...conversation(args))),
      peek: ({ userId, id }) => present(cache.peekBody("conversation", { owner: userId, id })),
    },
    firstConversations: {
      value: (args) => cache.getOrLoad(...firstConversations(args)),
      body: async (args) => present(await cache.getOrLoadBody(...firstConversations(args))),
      peek: ({ userId, limit }) =>
        present(cache.peekBody("conversation_list", { owner: userId, limit })),
    },
    firstMessages: {
      value: (args) => cache.getOrLoad(...firstMessages(args)),
      body: async (args) => present(await cache.getOrLoadBody(...firstMessages(args))),
      peek: ({ userId, conversationId, limit }) =>
        present(
          cache.peekBody("message_list", { owner: userId, conversation: conversationId, limit }),
        ),
    },
  };
}

/** What is not there is `null` as JSON. */
function present(body: Body | undefined): Body | undefined {
  return body?.bytes.byteLength === "null".length ? undefined : body;
}
