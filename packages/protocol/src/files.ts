import { type Static, Type } from "@sinclair/typebox";
import { Timestamp } from "./common.ts";
import { MessageFile } from "./messages.ts";

export const FileInfo = Type.Composite([
  MessageFile,
  Type.Object({
    hasText: Type.Boolean({ description: "Its text is given to the model and can be found." }),
    createdAt: Timestamp,
  }),
]);
export type FileInfo = Static<typeof FileInfo>;

export const FileBody = Type.Object({ file: FileInfo });
export type FileBody = Static<typeof FileBody>;

/** What of deleted files still waits to be removed from the store and from caches. */
export const FileRemovalsBody = Type.Object({
  removals: Type.Object({
    waiting: Type.Integer(),
    failing: Type.Integer({ description: "Of those, how many failed at the last try." }),
    oldestSince: Type.Union([Timestamp, Type.Null()]),
    lastError: Type.Union([Type.String(), Type.Null()]),
  }),
});
