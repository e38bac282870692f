import { type Static, Type } from "@sinclair/typebox";
import { Id, Timestamp } from "./common.ts";
import { limits } from "./limits.ts";
import { MessageFile } from "./messages.ts";

/** `private`: its owner alone. `public`: everybody who has its address. */
export const FileVisibility = Type.Union([Type.Literal("private"), Type.Literal("public")]);

export const FileInfo = Type.Composite([
  MessageFile,
  Type.Object({
    hasText: Type.Boolean({ description: "Its text is given to the model and can be found." }),
    visibility: FileVisibility,
    publicUrl: Type.Union([Type.String(), Type.Null()], {
      description:
        "Where everybody finds it; null for a private file. A path on this server where no `PUBLIC_URL` and no CDN is set.",
    }),
    createdAt: Timestamp,
  }),
]);
export type FileInfo = Static<typeof FileInfo>;

export const FileBody = Type.Object({ file: FileInfo });
export type FileBody = Static<typeof FileBody>;

export const PatchFileBody = Type.Object(
  { visibility: FileVisibility },
  { additionalProperties: false },
);
export type PatchFileBody = Static<typeof PatchFileBody>;

/** A file that is on its way in parts. */
export const UploadInfo = Type.Object({
  id: Id,
  name: Type.String(),
  sizeBytes: Type.Integer(),
  partBytes: Type.Integer({ description: "The size of every part but the last." }),
  partsDone: Type.Array(Type.Integer(), { description: "The parts that are there, from 1 on." }),
  isDirect: Type.Boolean({
    description: "Whether parts can be sent straight to the store, under signed addresses.",
  }),
  expiresAt: Type.String({
    format: "date-time",
    description: "When it is given up, unless it goes on before.",
  }),
});
export type UploadInfo = Static<typeof UploadInfo>;

export const CreateUploadBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: limits.fileNameLength }),
    sizeBytes: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false },
);
export type CreateUploadBody = Static<typeof CreateUploadBody>;

export const UploadBody = Type.Object({ upload: UploadInfo });
export type UploadBody = Static<typeof UploadBody>;

export const SignPartBody = Type.Object(
  {
    sha256: Type.String({
      pattern: "^[A-Za-z0-9+/]{43}=$",
      description: "SHA-256 of the part's bytes, in Base64.",
    }),
  },
  { additionalProperties: false },
);
export type SignPartBody = Static<typeof SignPartBody>;

/** Where a part is sent to with `PUT`, and with which headers; it takes these bytes alone. */
export const SignedPartBody = Type.Object({
  url: Type.String(),
  headers: Type.Record(Type.String(), Type.String()),
  expiresAt: Timestamp,
});
export type SignedPartBody = Static<typeof SignedPartBody>;

/** What of deleted files still waits to be removed from the store and from caches. */
export const FileRemovalsBody = Type.Object({
  removals: Type.Object({
    waiting: Type.Integer(),
    failing: Type.Integer({ description: "Of those, how many failed at the last try." }),
    oldestSince: Type.Union([Timestamp, Type.Null()]),
    lastError: Type.Union([Type.String(), Type.Null()]),
  }),
});
export type FileRemovalsBody = Static<typeof FileRemovalsBody>;

const LeftOvers = Type.Object({
  uploads: Type.Integer({ description: "Uploads that nobody finished." }),
  files: Type.Integer({ description: "Files that no message had." }),
});
const Differences = Type.Object({
  strayObjects: Type.Integer({ description: "Objects without a file. They are removed." }),
  foreignObjects: Type.Integer({
    description: "Objects that are not named as ours are. They are left alone.",
  }),
  missingObjects: Type.Integer({ description: "Files without their object. They cannot be read." }),
});
const ended = <T extends ReturnType<typeof Type.Object>>(result: T) =>
  Type.Union([Type.Object({ finishedAt: Timestamp, result }), Type.Null()]);

/** What the last sweeps found; null for one that never ended. */
export const FileSweepsBody = Type.Object({
  leftOvers: ended(LeftOvers),
  differences: ended(Differences),
});
export type FileSweepsBody = Static<typeof FileSweepsBody>;
export type LeftOvers = Static<typeof LeftOvers>;
export type Differences = Static<typeof Differences>;
