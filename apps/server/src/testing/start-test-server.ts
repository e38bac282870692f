import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createTestDatabase } from "@peregrine/database/testing";
import { readConfig } from "../config.ts";
import { createLog } from "../log.ts";
import { startServer } from "../server.ts";

export type TestServer = {
  url: string;
  dataDirectory: string;
  databaseUrl: string;
  /** Signs somebody new up and gives what asks in their name. */
  signUp(): Promise<Client>;
  /** Ends the server and removes what it kept. */
  stop(): Promise<void>;
};

/** `fetch` of a signed-in person, by a path of the server. */
export type Client = (path: string, init?: RequestInit) => Promise<Response>;

/** Starts the whole server on a free port, with a database and a data directory of its own. */
export async function startTestServer(
  environment: Record<string, string> = {},
  webDirectory = resolve(import.meta.dirname, "../../../web/dist"),
): Promise<TestServer> {
  const database = await createTestDatabase();
  const dataDirectory = mkdtempSync(join(tmpdir(), "peregrine-data-"));
  const config = readConfig({
    PORT: "0",
    DATA_DIR: dataDirectory,
    DATABASE_URL: database.url,
    METRICS_PORT: "0",
    SHUTDOWN_TIMEOUT: "0",
    ...environment,
  });
  const server = await startServer(config, createLog("silent", process.stdout), webDirectory);
  let people = 0;
  return {
    url: server.url,
    dataDirectory,
    databaseUrl: database.url,
    async signUp() {
      const registered = await fetch(`${server.url}/api/v1/auth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          email: `person-${++people}@example.org`,
          password: "correct horse",
          name: "Ada",
        }),
      });
      if (!registered.ok) throw new Error(await registered.text());
      const cookie = registered.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
      return (path, init = {}) => {
        const headers = new Headers(init.headers);
        headers.set("cookie", cookie);
        return fetch(server.url + path, { ...init, headers });
      };
    },
    async stop() {
      await server.stop();
      await database.drop();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}
