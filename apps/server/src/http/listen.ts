import type { AnyElysia } from "elysia";
import { websocket } from "elysia/ws";
import { socketOptions } from "../live/socket-routes.ts";

/** Seconds a connection may be silent. Event streams send a comment more often than that. */
const idleTimeoutSeconds = 60;

type Options = {
  hostname: string;
  port: number;
  /** The largest body that any route takes; each has a limit of its own below it. */
  maxBodyBytes: number;
  /** What answers requests: the application's own `fetch`, with whatever stands before it. */
  fetch: (request: Request) => Promise<Response | undefined> | Response;
};

/**
 * Serves the application. Not by its own `listen`, which hands its routes to Bun one by one: here
 * every request goes through one function, so that what stands before the routes sees them all.
 *
 * @throws Error if the port is in use
 */
export function listen(app: AnyElysia, { hostname, port, maxBodyBytes, fetch }: Options) {
  const server = Bun.serve({
    hostname,
    port,
    fetch,
    idleTimeout: idleTimeoutSeconds,
    maxRequestBodySize: maxBodyBytes,
    development: false,
    // Elysia's own types of Bun's sockets are older than Bun's.
    websocket: { ...(websocket as Bun.WebSocketHandler<unknown>), ...socketOptions },
  });
  // Where routes find the other end of a connection, and sockets their topics.
  app.server = server;
  return server;
}
