import type { ByteRange, FileStore } from "@peregrine/cdn";
import type { StoredFile } from "@peregrine/database";
import { ApiError, notFound } from "../http/api-error.ts";
import { isNotModified } from "../http/entity-tag.ts";
import { parseRange } from "./byte-ranges.ts";
import { isPlainText, isShown } from "./media-type.ts";

/** Nothing of an uploaded file runs, loads or is framed, whatever a browser takes it for. */
const contentPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'";

/**
 * The content of a file, or the range of it that was asked for (RFC 9110).
 *
 * Pictures, sound, films and plain text are shown; all else is handed out to be saved, under a type
 * that no browser opens by itself.
 *
 * @param headers who may keep it and for how long
 * @throws ApiError not_found, range_not_satisfiable, header_too_large
 */
export async function serveContent(
  request: Request,
  file: StoredFile,
  store: FileStore,
  headers: Record<string, string>,
): Promise<Response> {
  const tag = `"${Buffer.from(file.hash, "hex").toString("base64url")}"`;
  const shared: Record<string, string> = {
    ...headers,
    etag: tag,
    "accept-ranges": "bytes",
    "content-security-policy": contentPolicy,
    "x-content-type-options": "nosniff",
  };
  if (isNotModified(request, tag)) return new Response(null, { status: 304, headers: shared });

  const range = wantedRange(request, tag, file.sizeBytes);
  shared["content-type"] = servedType(file.mediaType);
  shared["content-disposition"] = contentDisposition(file.name, file.mediaType);
  shared["content-length"] = String(range ? range.last - range.first + 1 : file.sizeBytes);
  if (range) shared["content-range"] = `bytes ${range.first}-${range.last}/${file.sizeBytes}`;
  const status = range ? 206 : 200;

  const body = await store.read(file.objectKey, range ?? undefined);
  if (!body) throw notFound("file");
  return new Response(body, { status, headers: shared });
}

function wantedRange(request: Request, tag: string, sizeBytes: number): ByteRange | null {
  // With another version at hand, the client wants the whole and not a piece of this one.
  const ifRange = request.headers.get("if-range");
  if (ifRange !== null && ifRange.trim() !== tag) return null;
  const range = parseRange(request.headers.get("range"), sizeBytes);
  if (range !== "unsatisfiable") return range;
  throw new ApiError(
    "range_not_satisfiable",
    `The range is not one piece of a file of ${sizeBytes} bytes.`,
    { field: "Range", headers: { "content-range": `bytes */${sizeBytes}` } },
  );
}

function servedType(mediaType: string): string {
  if (isPlainText(mediaType)) return "text/plain; charset=utf-8";
  return isShown(mediaType) ? mediaType : "application/octet-stream";
}

/** With the name in ASCII for old programs, and as it is (RFC 6266). */
export function contentDisposition(name: string, mediaType: string): string {
  const kind = isShown(mediaType) ? "inline" : "attachment";
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
