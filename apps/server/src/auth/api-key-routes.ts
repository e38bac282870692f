import { newId } from "@peregrine/database";
import { ApiKeyListBody, CreateApiKeyBody, CreatedApiKeyBody, limits } from "@peregrine/protocol";
import { Elysia } from "elysia";
import type { Context } from "../context.ts";
import { ApiError, notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { IdParams } from "../http/id-params.ts";
import { keyCredential } from "./authentication.ts";
import { newSecret } from "./secrets.ts";
import { signedIn } from "./signed-in.ts";

const shownLength = 8;

/** Keys for programs. A key is shown once; the database keeps its hash and its first characters. */
export function apiKeyRoutes(context: Context) {
  const { database, sockets } = context;
  return new Elysia({ prefix: "/api/v1/api-keys" })
    .derive(signedIn(context))
    .get(
      "/",
      async ({ user }) => {
        return { apiKeys: await database.apiKeys.list(user.id) };
      },
      documented("API keys", { summary: "Your keys", returns: { 200: ApiKeyListBody } }),
    )
    .post(
      "/",
      async ({ user, body, set }) => {
        const secret = newSecret("pk_");
        const created = await database.apiKeys.create({
          id: newId(),
          userId: user.id,
          name: body.name.trim(),
          prefix: secret.text.slice(0, shownLength),
          keyHash: secret.hash,
          limit: limits.apiKeysPerUser,
        });
        if (created === "limit_reached") {
          throw new ApiError(
            "limit_reached",
            `You have ${limits.apiKeysPerUser} keys. Delete one first.`,
          );
        }
        set.status = 201;
        set.headers["cache-control"] = "no-store";
        return { apiKey: created.apiKey, key: secret.text };
      },
      {
        body: CreateApiKeyBody,
        ...documented("API keys", {
          summary: "Make a key",
          description: "The key itself is in this answer and nowhere else.",
          returns: { 201: CreatedApiKeyBody },
          errors: ["limit_reached"],
        }),
      },
    )
    .delete(
      "/:id",
      async ({ user, params }) => {
        if (!(await database.apiKeys.delete(user.id, params.id))) throw notFound("API key");
        sockets.revoke(keyCredential(params.id));
        return new Response(null, { status: 204 });
      },
      {
        params: IdParams,
        ...documented("API keys", {
          summary: "Delete a key",
          returns: { 204: null },
          errors: ["not_found"],
        }),
      },
    );
}
