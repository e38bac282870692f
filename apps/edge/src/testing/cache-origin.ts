/**
 * A server for tests of the cache, as a process of its own, so that it can be killed in the middle of
 * a body. `GET /slow/<bytes>`: a body of that length, in pieces of 1,000 bytes, 20 ms apart; with
 * `?short` it claims one byte more than it sends. Everything may be kept for a minute.
 */
const pieceBytes = 1000;
const pieceMs = 20;
const controls = "cache-control: public, max-age=60\r\n";

const server = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    data(socket, bytes) {
      const line = bytes.toString("latin1").split("\r\n", 1)[0] ?? "";
      const [, path = "", query] = /^GET ([^? ]+)(\?\S+)? /.exec(line) ?? [];
      if (path === "/ready") {
        const body = '{"status":"ready"}';
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        return;
      }
      const total = Number(/^\/slow\/(\d+)$/.exec(path)?.[1] ?? 10);
      const claimed = query === "?short" ? total + 1 : total;
      socket.write(`HTTP/1.1 200 OK\r\n${controls}content-length: ${claimed}\r\n\r\n`);
      let sent = 0;
      const timer = setInterval(() => {
        const piece = "x".repeat(Math.min(pieceBytes, total - sent));
        socket.write(piece);
        sent += piece.length;
        if (sent < total) return;
        clearInterval(timer);
        if (query === "?short") socket.end();
      }, pieceMs);
    },
    error() {},
  },
});
console.log(`http://127.0.0.1:${server.port}`);
