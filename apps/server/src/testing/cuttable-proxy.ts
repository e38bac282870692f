import type { Socket, TCPSocketListener } from "bun";

type Pair = { other: Socket<Pair> | undefined; waiting: Uint8Array[] };

/** Stands before a Postgres on a free port of its own, and can cut every connection. */
export function startCuttableProxy(databaseUrl: string) {
  const url = new URL(databaseUrl);
  const socketFile = `${decodeURIComponent(url.hostname)}/.s.PGSQL.${url.port || 5432}`;
  const open = new Set<Socket<Pair>>();
  let listener: TCPSocketListener<Pair> | undefined = listen(0);
  const port = listener.port;

  function listen(onPort: number): TCPSocketListener<Pair> {
    return Bun.listen<Pair>({
      hostname: "127.0.0.1",
      port: onPort,
      socket: {
        async open(client) {
          client.data = { other: undefined, waiting: [] };
          open.add(client);
          const server = await Bun.connect<Pair>({
            unix: socketFile,
            data: { other: client, waiting: [] },
            socket: { data: forward, close: end, drain: flush },
          });
          open.add(server);
          client.data.other = server;
          for (const piece of client.data.waiting.splice(0)) forward(client, piece);
        },
        data: forward,
        close: end,
        drain: flush,
      },
    });
  }

  function forward(from: Socket<Pair>, piece: Uint8Array) {
    const to = from.data.other;
    if (!to) {
      from.data.waiting.push(Uint8Array.from(piece));
      return;
    }
    const pending = to.data.waiting;
    const written = pending.length > 0 ? 0 : to.write(piece);
    if (written < piece.length) pending.push(Uint8Array.from(piece.subarray(Math.max(0, written))));
  }

  function flush(to: Socket<Pair>) {
    const pending = to.data.waiting;
    for (let head = pending[0]; head; head = pending[0]) {
      const written = to.write(head);
      if (written < head.length) {
        pending[0] = head.subarray(Math.max(0, written));
        return;
      }
      pending.shift();
    }
  }

  function end(socket: Socket<Pair>) {
    open.delete(socket);
    socket.data.other?.end();
  }

  const cut = () => {
    listener?.stop(true);
    listener = undefined;
    for (const socket of open) socket.terminate();
    open.clear();
  };
  return {
    url: `postgres://${url.username}:${url.password}@127.0.0.1:${port}${url.pathname}`,
    /** Nobody gets through, and who was is cut off. */
    cut,
    restore() {
      listener ??= listen(port);
    },
    stop: cut,
  };
}
