type Connection = Bun.Socket<{ left: number }>;

export type GetLoad = {
  /** @returns how many were answered in so many milliseconds */
  run(milliseconds: number): Promise<number>;
  close(): void;
};

const headEnd = Buffer.from("\r\n\r\n");

/**
 * Asks for the same thing over and over on connections that stay open, each again as soon as it has
 * its answer. Over bare sockets, since Bun's `fetch` takes more of a core for a request than the
 * server that answers it.
 */
export async function openGetLoad(
  url: string,
  headers: Record<string, string>,
  connections: number,
): Promise<GetLoad> {
  const { hostname, port, host, pathname } = new URL(url);
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}`);
  const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  let isRunning = false;
  let answered = 0;
  let outstanding = 0;
  let failure: Error | undefined;
  let idle = Promise.withResolvers<void>();

  function ask(connection: Connection): void {
    outstanding++;
    connection.write(request);
  }

  function received(connection: Connection, data: Buffer): void {
    const state = connection.data;
    if (state.left === 0) {
      // The head comes in one piece: servers write it at once.
      const end = data.indexOf(headEnd) + headEnd.length;
      const head = data.toString("latin1", 0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
      if (!head.startsWith("HTTP/1.1 200") || Number.isNaN(length)) {
        fail(head);
        return;
      }
      state.left = end + length;
    }
    state.left -= data.length;
    if (state.left > 0) return;
    answered++;
    outstanding--;
    if (isRunning) ask(connection);
    else if (outstanding === 0) idle.resolve();
  }

  function fail(why: string): void {
    failure ??= new Error(`a read under load failed: ${why}`);
    idle.reject(failure);
  }

  const sockets = await Promise.all(
    Array.from({ length: connections }, () =>
      Bun.connect<{ left: number }>({
        hostname,
        port: Number(port),
        data: { left: 0 },
        socket: { data: received, error: (_, error) => fail(error.message) },
      }),
    ),
  );
  return {
    async run(milliseconds) {
      answered = 0;
      idle = Promise.withResolvers();
      isRunning = true;
      for (const socket of sockets) ask(socket);
      const timer = setTimeout(() => {
        isRunning = false;
      }, milliseconds);
      try {
        await idle.promise;
      } finally {
        clearTimeout(timer);
      }
      return answered;
    },
    close: () => {
      for (const socket of sockets) socket.end();
    },
  };
}
