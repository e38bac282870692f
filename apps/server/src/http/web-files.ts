import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { chooseEncoding, type Encoding, encodings } from "./accept-encoding.ts";
import { entityTag, isNotModified, taggedFor } from "./entity-tag.ts";

/** Where else than here the page may find things. */
type Elsewhere = {
  /** Where uploaded files are redirected to. */
  cdnUrl?: string | undefined;
  /** Whether the page's scripts and styles are there too. */
  hasAssets?: boolean;
  /** Where parts of large files are sent to. */
  uploadOrigin?: string | undefined;
};

/** Nothing but our own scripts and styles runs on our pages, and nobody frames them. */
function pagePolicy({ cdnUrl, hasAssets, uploadOrigin }: Elsewhere): string {
  const cdn = cdnUrl === undefined ? "" : ` ${new URL(cdnUrl).origin}`;
  const assets = hasAssets ? cdn : "";
  const uploads = uploadOrigin === undefined ? "" : ` ${uploadOrigin}`;
  return `default-src 'self'; script-src 'self'${assets}; style-src 'self'${assets}; img-src 'self' data: blob:${cdn}; media-src 'self'${cdn}; connect-src 'self'${assets}${uploads}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
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
 * @throws Error if there is no build
 */
export async function loadWebFiles(
  directory: string,
  elsewhere: Elsewhere = {},
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
  if (elsewhere.hasAssets && elsewhere.cdnUrl) moveAssets(page, elsewhere.cdnUrl);
  page.headers["content-security-policy"] = pagePolicy(elsewhere);

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
    "cache-control": isHashed ? "public, max-age=31536000, immutable" : "public, no-cache",
    "surrogate-key": isHashed ? "web web-assets" : "web web-page",
  };
  if (compressed.size > 0) headers.vary = "Accept-Encoding";
  // A page whose assets are on a CDN loads them across origins; they are the same for everybody.
  if (isHashed) headers["access-control-allow-origin"] = "*";
  return { bytes, compressed, tag: entityTag(bytes), headers };
}

/** Lets the page name its assets on the CDN. It is small: compressed here as well as at the build. */
function moveAssets(page: WebFile, cdnUrl: string): void {
  const html = new TextDecoder().decode(page.bytes);
  page.bytes = new TextEncoder().encode(
    html.replaceAll(`="${hashedFolder}`, `="${cdnUrl}${hashedFolder}`),
  );
  page.tag = entityTag(page.bytes);
  page.compressed = new Map([
    ["br", brotliCompressSync(page.bytes) as typeof page.bytes],
    ["gzip", gzipSync(page.bytes) as typeof page.bytes],
  ]);
  page.headers.vary = "Accept-Encoding";
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
