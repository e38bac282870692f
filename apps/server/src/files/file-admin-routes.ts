import { FileRemovalsBody, FileSweepsBody } from "@peregrine/protocol";
import { Elysia } from "elysia";
import { requireAdmin } from "../auth/require-admin.ts";
import { signedIn } from "../auth/signed-in.ts";
import type { Context } from "../context.ts";
import { documented } from "../http/docs.ts";

/** What administrators see of the files of all people: that what is to be gone goes. */
export function fileAdminRoutes(context: Context) {
  const { database, fileSweeps } = context;
  return new Elysia()
    .derive(signedIn(context))
    .get(
      "/api/v1/file-removals",
      async ({ user, set }) => {
        requireAdmin(user);
        set.headers["cache-control"] = "no-store";
        return { removals: await database.fileRemovals.state() };
      },
      documented("Files", {
        summary: "What of deleted files still waits to be removed",
        description:
          "From the store and from all caches; for the administrator. Removals that fail are tried again until they are through.",
        returns: { 200: FileRemovalsBody },
        errors: ["forbidden"],
      }),
    )
    .get(
      "/api/v1/file-sweeps",
      async ({ user, set }) => {
        requireAdmin(user);
        set.headers["cache-control"] = "no-store";
        return fileSweeps.last();
      },
      documented("Files", {
        summary: "What the last sweeps found",
        description:
          "Uploads and files that nobody took up, and where the store and the database differ; for the administrator.",
        returns: { 200: FileSweepsBody },
        errors: ["forbidden"],
      }),
    )
    .post(
      "/api/v1/file-sweeps",
      async ({ user, request }) => {
        requireAdmin(user);
        context.gate.waits(request);
        await fileSweeps.run(0);
        return fileSweeps.last();
      },
      documented("Files", {
        summary: "Sweep now",
        description: "What is swept by some server just now is not swept again.",
        returns: { 200: FileSweepsBody },
        errors: ["forbidden"],
      }),
    );
}
