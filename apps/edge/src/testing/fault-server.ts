import { appendFileSync } from "node:fs";

/**
 * A server to be killed, stopped and slowed by tests, as a process of its own:
 * - `GET /`: its name.
 * - `POST /write` with an id as the body: appends the id to the file, and only then answers.
 * - `/wait?ms=…`: notes the id in the body in the file, and answers with its name after that long.
 * - `GET /stream?n=…`: so many numbered events, 10 ms apart.
 * - a WebSocket at `/socket` that echoes.
 */
const [name = "", file = ""] = process.argv.slice(2);
const delayMs = Number(process.env.DELAY_MS ?? 0);
const hostname = process.env.HOST ?? "127.0.0.1";

const server = Bun.serve({
  hostname,
  port: Number(process.env.PORT ?? 0),
  idleTimeout: 60,
  async fetch(request, self) {
    const url = new URL(request.url);
    if (delayMs > 0) await Bun.sleep(delayMs);
    switch (url.pathname) {
      case "/ready":
        return Response.json({ status: "ready" });
      case "/write":
        appendFileSync(file, `${await request.text()}\n`);
        return new Response(name);
      case "/wait":
        appendFileSync(file, `${await request.text()}\n`);
        await Bun.sleep(Number(url.searchParams.get("ms")));
        return new Response(name);
      case "/stream":
        return new Response(events(Number(url.searchParams.get("n"))), {
          headers: { "content-type": "text/event-stream" },
        });
      case "/socket":
        return self.upgrade(request, { data: undefined }) ? undefined : new Response("no");
      default:
        return new Response(name);
    }
  },
  websocket: {
    message(ws, message) {
      ws.send(message);
    },
  },
});
process.send?.({ type: "ready", url: `http://${hostname}:${server.port}` });
process.on("message", (message) => process.send?.({ type: "heard", name, message }));
process.on("disconnect", () => process.exit(0));
// Waits for nothing: whoever stops it has to have waited.
process.on("SIGTERM", () => process.exit(0));

function events(count: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let event = 0;
  return new ReadableStream({
    async pull(controller) {
      if (event === count) {
        controller.close();
        return;
      }
      if (event > 0) await Bun.sleep(10);
      controller.enqueue(encoder.encode(`data: ${event++}\n\n`));
    },
  });
}
