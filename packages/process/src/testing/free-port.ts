import { createServer } from "node:net";

/** Below what Linux, macOS and Windows take for port 0 and for connections, above the well-known. */
const lowest = 12_000;
const highest = 32_000;

const given = new Set<number>();

/**
 * A port of the loopback interface that nobody listens on, for a program that cannot choose one. It
 * is of those that the system gives to nobody by itself: no connection and no other server takes it
 * before the program does, nor while the program is restarted.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port from ${lowest} to ${highest} in 1,000 tries`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(false) : reject(error),
    );
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
