/**
 * A server behind a cache, no two answers of which are the same: those below /cdn/ may be kept by
 * everybody and carry the tags `all` and their name, those below /api/ are private.
 */
export function startTaggedOrigin() {
  let answers = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/ready") return Response.json({ status: "ready" });
      const headers = pathname.startsWith("/api/")
        ? { "cache-control": "private, no-cache" }
        : {
            "cache-control": "public, max-age=3600",
            "surrogate-key": `all ${pathname.slice("/cdn/".length)}`,
          };
      return new Response(`${pathname} ${++answers}`, { headers });
    },
  });
  return { port: Number(server.port), stop: () => server.stop(true) };
}

export type TaggedOrigin = ReturnType<typeof startTaggedOrigin>;
