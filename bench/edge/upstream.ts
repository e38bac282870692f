/**
 * The server behind every proxy: a small answer, a megabyte, streams of events a hundredth of a
 * second apart, and a WebSocket that echoes. It is never the bottleneck.
 */
const small = "x".repeat(200);
const megabyte = Buffer.alloc(1 << 20, "x");
const event = Buffer.from(`data: ${"x".repeat(120)}\n\n`);
const eventMs = 10;

const streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
setInterval(() => {
  for (const stream of streams) stream.enqueue(event);
}, eventMs);

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch(request, self) {
    switch (new URL(request.url).pathname) {
      case "/ready":
        return Response.json({ status: "ready" });
      case "/big":
        return new Response(megabyte);
      case "/events":
        return new Response(eventStream(), { headers: { "content-type": "text/event-stream" } });
      case "/socket":
        return self.upgrade(request, { data: undefined }) ? undefined : new Response("no");
      default:
        return new Response(small);
    }
  },
  websocket: {
    perMessageDeflate: false,
    message(ws, message) {
      ws.send(message);
    },
  },
});
console.log(`http://127.0.0.1:${server.port}`);

function eventStream(): ReadableStream<Uint8Array> {
  let mine: ReadableStreamDefaultController<Uint8Array>;
  return new ReadableStream({
    start(controller) {
      mine = controller;
      streams.add(controller);
    },
    cancel: () => void streams.delete(mine),
  });
}
