import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { chooseEncoding, type Encoding, encodings } from "./accept-encoding.ts";
import { entityTag, isNotModified, taggedFor } from "./entity-tag.ts";

/**
 * Nothing but our own scripts and styles runs on our pages, and nobody frames them. Pictures and the
 * like may come from the CDN that files are redirected to.
 */
function pagePolicy(cdnUrl: string | undefined): string {
  const cdn = cdnUrl === undefined ? "" : ` ${new URL(cdnUrl).origin}`;
  return `default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:${cdn}; media-src 'self'${cdn}; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
}

/** Names with a hash in them never change what they hold. */
const hashedFolder = "/assets/";

/** What the build names the compressed form of a file. At their highest levels br is smallest. */
const suffixes: Record<Encoding, string> = { br: ".br", zstd: ".zst", gzip: ".gz" };

/** Answers for the web application's files; undefined for a path that is not one of them. */
export type WebFiles = (request: Request, pathname: string) => Response | undefined;

type WebFile = {
  bytes: Uint8Array<ArrayBuffer>;
  compressed: Map<Encoding, Uint8Array<ArrayBuffer>>;
  tag: string;
  headers: Record<string, string>;
};

/**
 * The built web application: its files by their names, and its page for every other path, since
 * the application routes for itself.
 *
 * All are held in memory, in each coding that the build compressed them to: about a megabyte. A
 * name with a hash in it is good for ever; every other file, first of all the page, is asked after
 * each time and answered with a 304 while it is the same.
 *
 * @param directory the build's output
 * @param cdnUrl where uploaded files are found, if not here
 * @throws Error if there is no build
 */
export async function loadWebFiles(
  directory: string,
  cdnUrl: string | undefined,
): Promise<WebFiles> {
  const files = new Map<string, WebFile>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith(".")) continue;
    if (Object.values(suffixes).some((suffix) => entry.name.endsWith(suffix))) continue;
    const path = join(entry.parentPath, entry.name);
    const pathname = `/${relative(directory, path).split(sep).join("/")}`;
    files.set(pathname, await loadWebFile(path, pathname.startsWith(hashedFolder)));
  }
  const page = files.get("/index.html");
  if (!page) throw new Error(`the web application is not built: ${directory} has no index.html`);
  page.headers["content-security-policy"] = pagePolicy(cdnUrl);

  return (request, pathname) => {
    const found = files.get(pathname === "/" ? "/index.html" : pathname);
    if (found) return respond(request, found);
    const isPage = !pathname.startsWith("/api/") && !pathname.slice(1).includes(".");
    return isPage ? respond(request, page) : undefined;
  };
}

async function loadWebFile(path: string, isHashed: boolean): Promise<WebFile> {
  const file = Bun.file(path);
  const bytes = await file.bytes();
  const compressed: WebFile["compressed"] = new Map();
  for (const encoding of encodings) {
    const form = Bun.file(path + suffixes[encoding]);
    if (await form.exists()) compressed.set(encoding, await form.bytes());
  }
  const headers: Record<string, string> = {
    "content-type": file.type,
    "cache-control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
  };
  if (compressed.size > 0) headers.vary = "Accept-Encoding";
  return { bytes, compressed, tag: entityTag(bytes), headers };
}

function respond(request: Request, file: WebFile): Response {
  const offered = [...file.compressed.keys()];
  const encoding = chooseEncoding(request.headers.get("accept-encoding"), offered);
  const headers: Record<string, string> = { ...file.headers, etag: taggedFor(file.tag, encoding) };
  if (isNotModified(request, file.tag)) return new Response(null, { status: 304, headers });
  if (encoding === undefined) return new Response(file.bytes, { headers });
  headers["content-encoding"] = encoding;
  return new Response(file.compressed.get(encoding), { headers });
}
