import type { StoredFile } from "@peregrine/database";
import type { FileInfo } from "@peregrine/protocol";
import type { FileAddresses } from "./file-addresses.ts";

/** What of a file its owner is told. */
export function fileInfo(file: StoredFile, addresses: FileAddresses): FileInfo {
  const { id, name, mediaType, sizeBytes, hasText, isPublic, hash, createdAt } = file;
  return {
    ...{ id, name, mediaType, sizeBytes, hasText },
    visibility: isPublic ? "public" : "private",
    publicUrl: isPublic ? addresses.publicUrl(hash) : null,
    createdAt,
  };
}
