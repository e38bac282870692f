import { newId } from "@peregrine/database";
import {
  ConversationBody,
  ConversationListBody,
  CreateConversationBody,
  MessageListBody,
  MessagePageQuery,
  PageQuery,
  PatchConversationBody,
} from "@peregrine/protocol";
import { Elysia } from "elysia";
import { signedIn } from "../auth/signed-in.ts";
import type { Context } from "../context.ts";
import { ApiError, notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { EncodedJson } from "../http/encoded-json.ts";
import { IdParams } from "../http/id-params.ts";
import { readPage } from "../http/page-query.ts";

/** One person's conversations and what was said in them. */
export function conversationRoutes(context: Context) {
  const { database, reads, answering, live } = context;
  return new Elysia({ prefix: "/api/v1/conversations" })
    .derive(signedIn(context))
    .post(
      "/",
      async ({ user, body, set }) => {
        const conversation = await database.conversations.create({
          id: newId(),
          userId: user.id,
          title: body.title?.trim() ?? null,
        });
        live.publish(user.id, { type: "conversation.created", conversation });
        set.status = 201;
        return { conversation };
      },
      {
        body: CreateConversationBody,
        ...documented("Conversations", {
          summary: "Begin a conversation",
          returns: { 201: ConversationBody },
        }),
      },
    )
    .get(
      "/",
      async ({ user, query }) => {
        const page = { userId: user.id, ...readPage(query) };
        if (page.cursor !== null) return database.conversations.list(page);
        return encoded(await reads.firstConversations.body(page));
      },
      {
        query: PageQuery,
        ...documented("Conversations", {
          summary: "Your conversations, newest activity first",
          returns: { 200: ConversationListBody },
          errors: ["invalid_cursor"],
        }),
      },
    )
    .get(
      "/:id",
      async ({ user, params }) => {
        return encoded(await reads.conversation.body({ userId: user.id, id: params.id }));
      },
      {
        params: IdParams,
        ...documented("Conversations", {
          summary: "One conversation",
          returns: { 200: ConversationBody },
          errors: ["not_found"],
        }),
      },
    )
    .patch(
      "/:id",
      async ({ user, params, body }) => {
        const patch = body.title === undefined ? body : { ...body, title: body.title.trim() };
        const conversation = await database.conversations.patch(user.id, params.id, patch);
        if (!conversation) throw notFound("conversation");
        answering.conversationChanged(conversation);
        live.publish(user.id, { type: "conversation.updated", conversation });
        return { conversation };
      },
      {
        params: IdParams,
        body: PatchConversationBody,
        ...documented("Conversations", {
          summary: "Rename a conversation, or change how it is answered",
          returns: { 200: ConversationBody },
          errors: ["not_found"],
        }),
      },
    )
    .delete(
      "/:id",
      async ({ user, params }) => {
        const isDeleted = await database.conversations.delete(user.id, params.id);
        if (!isDeleted) throw notFound("conversation");
        answering.conversationDeleted(params.id);
        live.publish(user.id, { type: "conversation.deleted", conversationId: params.id });
        return new Response(null, { status: 204 });
      },
      {
        params: IdParams,
        ...documented("Conversations", {
          summary: "Delete a conversation with its messages",
          returns: { 204: null },
          errors: ["not_found"],
        }),
      },
    )
    .get(
      "/:id/messages",
      async ({ user, params, query }) => {
        const { around, after, cursor } = query;
        const page = { userId: user.id, conversationId: params.id, ...readPage(query) };
        if ([around, after, cursor].filter((place) => place !== undefined).length > 1) {
          throw new ApiError(
            "invalid_request",
            "Only one of cursor, after and around may be given: each is a place of its own.",
            { field: around === undefined ? "after" : "around" },
          );
        }
        if (around !== undefined) {
          return found(await database.messages.listAround({ ...page, id: around }));
        }
        if (after !== undefined) {
          return found(await database.messages.listNewer({ ...page, cursor: after }));
        }
        if (page.cursor === null) return encoded(await reads.firstMessages.body(page));
        return found(await database.messages.list(page));
      },
      {
        params: IdParams,
        query: MessagePageQuery,
        ...documented("Messages", {
          summary: "Messages of a conversation, newest first",
          description:
            "The newest, and by `cursor` older ones; or those `around` a message, from which `cursor` leads to older and `after` to newer ones.",
          returns: { 200: MessageListBody },
          errors: ["not_found", "invalid_cursor"],
        }),
      },
    );
}

function found<Page>(page: Page | null): Page {
  if (!page) throw notFound("conversation");
  return page;
}

function encoded(body: ConstructorParameters<typeof EncodedJson>[0] | undefined): EncodedJson {
  if (!body) throw notFound("conversation");
  return new EncodedJson(body);
}
