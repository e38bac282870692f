/**
 * A server whose bodies are not what its heads claim, as a process of its own, which no server that is
 * well-behaved by design can play:
 * - `GET /short`: ends after 5 of 10 bytes. `GET /reset`: the same by a reset.
 * - `GET /long`: 5 bytes as claimed, and another answer right behind that nobody asked for.
 * - `GET /chunks`: a chunk, and then no chunk size.
 * - anything else: `whole`, and it is ready.
 */
const whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole";
const half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort";
/** For what was written to arrive before the connection breaks. */
const breakAfterMs = 20;

const server = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    data(socket, bytes) {
      switch (/^GET (\S+) /.exec(bytes.toString("latin1"))?.[1]) {
        case "/short":
          socket.end(half);
          break;
        case "/reset":
          socket.write(half);
          setTimeout(() => socket.terminate(), breakAfterMs);
          break;
        case "/long":
          socket.write(`${whole}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`);
          break;
        case "/chunks":
          socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nno\r\n");
          break;
        case "/ready":
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"status":"ready"}');
          break;
        default:
          socket.write(whole);
      }
    },
    error() {},
  },
});
process.send?.({ type: "ready", url: `http://127.0.0.1:${server.port}` });
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
