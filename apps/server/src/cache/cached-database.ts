import { createHash } from "node:crypto";
import type { Database } from "@peregrine/database";
import {
  conversationsTag,
  conversationTag,
  credentialTag,
  documentsTag,
  fileTag,
  hashText,
  publicFileTag,
} from "./cache-types.ts";
import type { CachedReads } from "./cached-reads.ts";
import type { AppCache } from "./open-cache.ts";

/**
 * The database as the features use it: reads that are worth it are answered by the cache, and every
 * write of something cached names the tags it touches. A feature cannot forget either, since it has
 * no other database.
 */
export function cachedDatabase(database: Database, cache: AppCache, reads: CachedReads): Database {
  const { sessions, apiKeys, users, conversations, messages, answers, servers, files, search } =
    database;

  const conversationTags = (userId: string, conversationId: string) => [
    conversationsTag(userId),
    conversationTag(conversationId),
  ];

  /** Every write of somebody's messages and titles touches their list of conversations. */
  const searchTags = (userId: string) => [conversationsTag(userId), documentsTag(userId)];

  return {
    ...database,

    // Spread would take its state of this moment.
    get pool() {
      return database.pool;
    },

    sessions: {
      ...sessions,
      async find(tokenHash) {
        const key = { owner: hashText(tokenHash), kind: "session" };
        const tags = [credentialTag(tokenHash)];
        const found = await cache.getOrLoad(
          "session",
          key,
          async () => {
            const asOf = cache.stamp();
            const session = await sessions.find(tokenHash);
            if (!session) return undefined;
            await keepProfile(session.user, asOf);
            return { userId: session.user.id, expiresAt: session.expiresAt };
          },
          { tags },
        );
        if (!found?.expiresAt || Date.parse(found.expiresAt) <= Date.now()) return null;
        const user = await findUser(found.userId);
        return user && { user, expiresAt: found.expiresAt };
      },
      delete: (tokenHash) =>
        cache.mutate([credentialTag(tokenHash)], () => sessions.delete(tokenHash)),
    },

    apiKeys: {
      ...apiKeys,
      async find(keyHash) {
        const found = await cache.getOrLoad(
          "api_key",
          { owner: hashText(keyHash), kind: "key" },
          async () => {
            const asOf = cache.stamp();
            const key = await apiKeys.find(keyHash);
            if (!key) return undefined;
            await keepProfile(key.user, asOf);
            return { userId: key.user.id, apiKeyId: key.apiKeyId, expiresAt: null };
          },
          { tags: [credentialTag(keyHash)] },
        );
        if (!found) return null;
        const user = await findUser(found.userId);
        return user && { user, apiKeyId: found.apiKeyId };
      },
      async delete(userId, id) {
        const keyHash = await apiKeys.hashOf(userId, id);
        if (!keyHash) return false;
        return cache.mutate([credentialTag(keyHash)], () => apiKeys.delete(userId, id));
      },
    },

    users: { ...users, findById: findUser },

    conversations: {
      ...conversations,
      create: (conversation) =>
        cache.mutate([conversationsTag(conversation.userId)], () =>
          conversations.create(conversation),
        ),
      list: (page) =>
        page.cursor === null ? reads.firstConversations.value(page) : conversations.list(page),
      async get(userId, id) {
        return (await reads.conversation.value({ userId, id }))?.conversation ?? null;
      },
      patch: (userId, id, patch) =>
        cache.mutate(conversationTags(userId, id), () => conversations.patch(userId, id, patch)),
      setTitleIfUntitled: (userId, id, title) =>
        cache.mutate(conversationTags(userId, id), () =>
          conversations.setTitleIfUntitled(userId, id, title),
        ),
      delete: (userId, id) =>
        cache.mutate(conversationTags(userId, id), () => conversations.delete(userId, id)),
    },

    messages: {
      ...messages,
      async list(page) {
        if (page.cursor !== null) return messages.list(page);
        return (await reads.firstMessages.value(page)) ?? null;
      },
    },

    answers: {
      ...answers,
      ask: (question) =>
        cache.mutate(conversationTags(question.userId, question.conversationId), () =>
          answers.ask(question),
        ),
      async regenerate(again) {
        const old = await messages.get(again.userId, again.answerId);
        if (!old) return "not_found";
        return cache.mutate(conversationTags(again.userId, old.conversationId), () =>
          answers.regenerate(again),
        );
      },
      finish: (answer) =>
        cache.mutate(conversationTags(answer.userId, answer.conversationId), () =>
          answers.finish(answer),
        ),
    },

    search: {
      ...search,
      find: ({ userId, ...asked }) =>
        cache.getOrLoad(
          "search_results",
          { owner: userId, search: hashText(sha256(JSON.stringify(asked))) },
          async () => search.find({ userId, ...asked }, await logPosition(userId)),
          { tags: searchTags(userId) },
        ),
    },

    files: {
      ...files,
      create: (file) =>
        cache.mutate([documentsTag(file.userId), fileTag(file.id)], () => files.create(file)),
      createFromSame: (file) =>
        cache.mutate([documentsTag(file.userId), fileTag(file.id)], () =>
          files.createFromSame(file),
        ),
      async get(userId, id) {
        const load = async () => (await files.get(userId, id)) ?? undefined;
        const key = { owner: userId, id };
        const found = await cache.getOrLoad("file_metadata", key, load, { tags: [fileTag(id)] });
        return found ?? null;
      },
      async getPublic(hash) {
        const text = Buffer.from(hash).toString("hex");
        const load = async () => (await files.getPublic(hash)) ?? undefined;
        const key = { owner: "everybody", hash: text };
        const tags = [publicFileTag(text)];
        return (await cache.getOrLoad("public_file", key, load, { tags })) ?? null;
      },
      async setPublic(userId, id, isPublic) {
        const file = await files.get(userId, id);
        if (!file) return null;
        const tags = [fileTag(id), publicFileTag(file.hash)];
        return cache.mutate(tags, () => files.setPublic(userId, id, isPublic));
      },
      async delete(userId, id) {
        return deleteFile(userId, id, () => files.delete(userId, id));
      },
      async deleteUnattached(userId, id) {
        return deleteFile(userId, id, () => files.deleteUnattached(userId, id));
      },
    },

    servers: {
      ...servers,
      interruptOrphans: (leaseSeconds) => told(servers.interruptOrphans(leaseSeconds)),
      interruptAllRunning: () => told(servers.interruptAllRunning()),
    },
  };

  /**
   * From where in the log on a replica may answer a user's search. Kept until something is written
   * that they may find, by whichever server: what is asked for after that lies beyond the write.
   */
  async function logPosition(userId: string): Promise<string | undefined> {
    const { logPosition } = search;
    if (!logPosition) return undefined;
    const tags = searchTags(userId);
    return cache.getOrLoad("log_position", { owner: userId, kind: "search" }, logPosition, {
      tags,
    });
  }

  async function deleteFile(userId: string, id: string, work: () => Promise<boolean>) {
    const file = await files.get(userId, id);
    if (!file) return false;
    const conversationIds = await files.conversationsOf(userId, id);
    const tags = [
      ...[fileTag(id), publicFileTag(file.hash), documentsTag(userId)],
      ...conversationIds.map(conversationTag),
    ];
    return cache.mutate(tags, work);
  }

  async function findUser(userId: string) {
    const load = async () => (await users.findById(userId)) ?? undefined;
    return (await cache.getOrLoad("user_profile", { owner: userId, id: userId }, load)) ?? null;
  }

  /** The profile comes with the session: it need not be asked for again. */
  async function keepProfile(
    user: NonNullable<Awaited<ReturnType<typeof users.findById>>>,
    asOf: ReturnType<typeof cache.stamp>,
  ): Promise<void> {
    await cache.set("user_profile", { owner: user.id, id: user.id }, user, { asOf });
  }

  /** Nobody waits for these writes: they are told once it is known what they touched. */
  async function told(write: ReturnType<typeof servers.interruptOrphans>) {
    const interrupted = await write;
    if (interrupted.length > 0) {
      await cache.invalidateTags(
        interrupted.flatMap((answer) => conversationTags(answer.userId, answer.conversationId)),
      );
    }
    return interrupted;
  }
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
