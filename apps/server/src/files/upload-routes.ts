import {
  CreateUploadBody,
  FileBody,
  Id,
  PatchFileBody,
  SignedPartBody,
  SignPartBody,
  UploadBody,
} from "@peregrine/protocol";
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { signedIn } from "../auth/signed-in.ts";
import type { Context } from "../context.ts";
import { documented } from "../http/docs.ts";
import { IdParams } from "../http/id-params.ts";
import { fileInfo } from "./file-info.ts";

const PartParams = Type.Object({ id: Id, number: Type.String({ pattern: "^[1-9][0-9]{0,4}$" }) });

/** The bytes of parts, which no parser may read before. */
export function uploadPartRoutes(context: Context) {
  const { uploads, gate } = context;
  return new Elysia().derive(signedIn(context)).put(
    "/api/v1/uploads/:id/parts/:number",
    async ({ user, params, request }) => {
      // How long it takes to arrive is the client's line and says nothing about load.
      gate.waits(request);
      await uploads.receive(user.id, params.id, Number(params.number), request);
      return new Response(null, { status: 204 });
    },
    {
      params: PartParams,
      parse: "none",
      ...documented("Files", {
        summary: "Send a part of a file",
        description:
          "The bytes as they are, with their SHA-256 as `Content-Digest: sha-256=:…:`. Sent again, it is the same part.",
        returns: { 204: null },
        errors: [
          "not_found",
          "invalid_request",
          "payload_too_large",
          "files_unavailable",
          "files_full",
        ],
      }),
    },
  );
}

/** Files that come in parts, and what their owners change of files. */
export function uploadRoutes(context: Context) {
  const { uploads, files, fileAddresses, gate } = context;
  return new Elysia()
    .derive(signedIn(context))
    .post(
      "/api/v1/uploads",
      async ({ user, body, set }) => {
        set.status = 201;
        return { upload: await uploads.begin(user.id, body) };
      },
      {
        body: CreateUploadBody,
        ...documented("Files", {
          summary: "Begin an upload in parts",
          description:
            "For large files: parts may be sent several at once, in any order and again, and the upload goes on where it was cut off.",
          returns: { 201: UploadBody },
          errors: ["invalid_request", "payload_too_large", "limit_reached", "files_unavailable"],
        }),
      },
    )
    .get(
      "/api/v1/uploads/:id",
      async ({ user, params, set }) => {
        set.headers["cache-control"] = "no-store";
        return { upload: await uploads.get(user.id, params.id) };
      },
      {
        params: IdParams,
        ...documented("Files", {
          summary: "How far an upload is",
          returns: { 200: UploadBody },
          errors: ["not_found", "files_unavailable"],
        }),
      },
    )
    .post(
      "/api/v1/uploads/:id/parts/:number",
      ({ user, params, body }) =>
        uploads.sign(
          user.id,
          params.id,
          Number(params.number),
          new Uint8Array(Buffer.from(body.sha256, "base64")),
        ),
      {
        params: PartParams,
        body: SignPartBody,
        ...documented("Files", {
          summary: "Get an address to send a part straight to the store",
          description: "Where the upload `isDirect`. The address takes these bytes alone.",
          returns: { 200: SignedPartBody },
          errors: ["not_found", "invalid_request", "files_unavailable"],
        }),
      },
    )
    .post(
      "/api/v1/uploads/:id/complete",
      async ({ user, params, request, set }) => {
        // A large file is read for as long as it takes, which says nothing about load.
        gate.waits(request);
        const done = await uploads.complete(user.id, params.id);
        if ("partsDone" in done) {
          set.status = 202;
          set.headers["retry-after"] = "1";
          return { upload: done };
        }
        set.status = 201;
        return { file: fileInfo(done, fileAddresses) };
      },
      {
        params: IdParams,
        ...documented("Files", {
          summary: "Make the parts into a file",
          description: "With 202 the file is still being looked at: ask again.",
          returns: { 201: FileBody, 202: UploadBody },
          errors: [
            "not_found",
            "invalid_request",
            "upload_incomplete",
            "unreadable_file",
            "files_unavailable",
            "files_full",
          ],
        }),
      },
    )
    .delete(
      "/api/v1/uploads/:id",
      async ({ user, params }) => {
        await uploads.abort(user.id, params.id);
        return new Response(null, { status: 204 });
      },
      {
        params: IdParams,
        ...documented("Files", {
          summary: "Give an upload up",
          returns: { 204: null },
          errors: ["not_found", "files_unavailable"],
        }),
      },
    )
    .patch(
      "/api/v1/files/:id",
      async ({ user, params, body }) => {
        const isPublic = body.visibility === "public";
        return {
          file: fileInfo(await files.setPublic(user.id, params.id, isPublic), fileAddresses),
        };
      },
      {
        params: IdParams,
        body: PatchFileBody,
        ...documented("Files", {
          summary: "Let everybody have a file, or yourself alone",
          description:
            "A public file has an address made of its content, which caches may keep. Made private again, it is purged from them all.",
          returns: { 200: FileBody },
          errors: ["not_found"],
        }),
      },
    );
}
