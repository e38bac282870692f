import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** Nothing but our own scripts and styles runs on our pages, and nobody frames them. */
const pagePolicy =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Names with a hash in them never change what they hold. */
const hashedFolder = "/assets/";

/** Answers for the web application's files; undefined for a path that is not one of them. */
export type WebFiles = (pathname: string) => Response | undefined;

/**
 * The built web application: its files by their names, and its page for every other path, since
 * the application routes for itself.
 *
 * @param directory the build's output
 * @throws Error if there is no build
 */
export async function loadWebFiles(directory: string): Promise<WebFiles> {
  const files = new Map<string, { file: Bun.BunFile; headers: Record<string, string> }>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith(".")) continue;
    const path = join(entry.parentPath, entry.name);
    const pathname = `/${relative(directory, path).split(sep).join("/")}`;
    const file = Bun.file(path);
    const isHashed = pathname.startsWith(hashedFolder);
    const cacheControl = isHashed ? "public, max-age=31536000, immutable" : "no-cache";
    files.set(pathname, { file, headers: { "cache-control": cacheControl } });
  }
  const page = files.get("/index.html");
  if (!page) throw new Error(`the web application is not built: ${directory} has no index.html`);
  page.headers["content-security-policy"] = pagePolicy;

  return (pathname) => {
    const found = files.get(pathname === "/" ? "/index.html" : pathname);
    if (found) return new Response(found.file, { headers: found.headers });
    const isPage = !pathname.startsWith("/api/") && !pathname.slice(1).includes(".");
    return isPage ? new Response(page.file, { headers: page.headers }) : undefined;
  };
}
