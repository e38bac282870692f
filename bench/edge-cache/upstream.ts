/** The server behind every cache: bodies of the length that their path says, good for an hour. */
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/ready") return Response.json({ status: "ready" });
    return new Response("x".repeat(Number(pathname.slice(1)) || 100), {
      headers: {
        "cache-control": "public, max-age=3600",
        "content-type": "text/plain",
        etag: '"v1"',
      },
    });
  },
});
console.log(`http://127.0.0.1:${server.port}`);
