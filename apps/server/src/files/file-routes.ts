import type { StoredFile } from "@peregrine/database";
import { FileBody } from "@peregrine/protocol";
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { signedIn } from "../auth/signed-in.ts";
import type { Context } from "../context.ts";
import { ApiError, notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { IdParams } from "../http/id-params.ts";
import { signedPath } from "./file-addresses.ts";
import { fileInfo } from "./file-info.ts";
import { fileTag, publicFileTag } from "./file-removals.ts";
import { toApiError } from "./files.ts";
import { serveContent } from "./serve-content.ts";

/** The content of a file never changes; the owner's browser may keep it for good. */
const ownersCache = {
  "cache-control": "private, max-age=31536000, immutable",
  vary: "Authorization, Cookie",
};

/** The hash of a public file. What is no hash is answered like one that is not there. */
const HashParams = Type.Object({ hash: Type.String({ pattern: "^[0-9a-f]{64}$" }) });

/** Files of one's own: in, out and away; and what everybody may have. */
export function fileRoutes(context: Context) {
  const { files, fileStore, fileAddresses, receiveFile, gate, database, log } = context;

  /** Passes a signed address on, or hands out the content. */
  async function content(request: Request, file: StoredFile): Promise<Response> {
    const signed = fileAddresses.signed(file, new Date());
    if (!signed) return read(request, file, ownersCache);
    return new Response(null, {
      status: 302,
      headers: {
        location: signed.url,
        "cache-control": `private, max-age=${signed.sameForSeconds}`,
        vary: "Authorization, Cookie",
      },
    });
  }

  async function read(request: Request, file: StoredFile, headers: Record<string, string>) {
    try {
      return await serveContent(request, file, fileStore, headers);
    } catch (error) {
      throw toApiError(error);
    }
  }

  /** For a CDN: whoever has the address may read, and keep it until the address ends. */
  async function contentOfSigned(request: Request, id: string): Promise<Response> {
    const now = new Date();
    const { searchParams } = new URL(request.url);
    const end = fileAddresses.verify(signedPath(id), searchParams, now);
    if (!end) throw new ApiError("forbidden", "This address is not signed, or has ended.");
    const file = await database.files.getOfAnyone(id);
    if (!file) throw notFound("file");
    const seconds = Math.floor((end.getTime() - now.getTime()) / 1000);
    const maxAge = Math.min(seconds, context.config.CDN_CACHE_TTL);
    return read(request, file, {
      "cache-control": `public, max-age=${maxAge}, immutable`,
      "surrogate-key": fileTag(id),
      "cache-tag": fileTag(id),
      "cross-origin-resource-policy": "cross-origin",
    });
  }

  /** For everybody. The content under a hash never changes; that it may be had can: it is purged. */
  async function contentOfPublic(request: Request, hash: string): Promise<Response> {
    const file = await database.files.getPublic(Buffer.from(hash, "hex"));
    if (!file) throw notFound("file");
    const tags = [publicFileTag(hash), fileTag(file.id)];
    return read(request, file, {
      "cache-control": `public, max-age=${context.config.CDN_CACHE_TTL}, immutable`,
      "surrogate-key": tags.join(" "),
      "cache-tag": tags.join(","),
      "cross-origin-resource-policy": "cross-origin",
    });
  }

  return new Elysia()
    .get("/cdn/public/:hash", ({ request, params }) => contentOfPublic(request, params.hash), {
      params: HashParams,
      detail: { hide: true },
    })
    .get("/cdn/files/:id", ({ request, params }) => contentOfSigned(request, params.id), {
      params: IdParams,
      detail: { hide: true },
    })
    .derive(signedIn(context))
    .post(
      "/api/v1/files",
      async ({ user, request, set }) => {
        // How long it takes to arrive is the client's line and says nothing about load.
        gate.waits(request);
        const received = await receiveFile(request);
        try {
          const file = await files.keep(user.id, received);
          set.status = 201;
          return { file: fileInfo(file, fileAddresses) };
        } finally {
          await received
            .discard()
            .catch((err: unknown) => log.warn({ err }, "an upload was not removed from the disk"));
        }
      },
      {
        parse: "none",
        ...documented("Files", {
          summary: "Upload a file",
          description:
            "As `multipart/form-data` with one file. What it is, is told by its content. Attach it to a question by its id.",
          returns: { 201: FileBody },
          errors: [
            "invalid_request",
            "unsupported_media_type",
            "payload_too_large",
            "unreadable_file",
            "files_unavailable",
            "files_full",
          ],
        }),
      },
    )
    .get(
      "/api/v1/files/:id",
      async ({ user, params }) => ({
        file: fileInfo(await files.get(user.id, params.id), fileAddresses),
      }),
      {
        params: IdParams,
        ...documented("Files", {
          summary: "What is known of a file",
          returns: { 200: FileBody },
          errors: ["not_found"],
        }),
      },
    )
    .get(
      "/api/v1/files/:id/content",
      async ({ user, request, params }) => content(request, await files.get(user.id, params.id)),
      {
        params: IdParams,
        ...documented("Files", {
          summary: "The content of a file",
          description:
            "The bytes, or a range of them; with a CDN, a redirect to a signed address that ends within two hours.",
          returns: { 200: null, 206: null, 302: null, 304: null },
          errors: ["not_found", "range_not_satisfiable", "files_unavailable"],
        }),
      },
    )
    .delete(
      "/api/v1/files/:id",
      async ({ user, params }) => {
        await files.delete(user.id, params.id);
        return new Response(null, { status: 204 });
      },
      {
        params: IdParams,
        ...documented("Files", {
          summary: "Delete a file with its text",
          returns: { 204: null },
          errors: ["not_found"],
        }),
      },
    );
}
