import { afterAll, beforeAll } from "bun:test";
import type { Browser } from "playwright-core";
import { launchBrowser } from "./browser.ts";
import { type ModelServer, startModelServer } from "./model-server/model-server.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";

export type System = { browser: Browser; models: ModelServer; server: ServerProcess };

/** Gives the tests of one file Chromium and a server with a model server, for as long as they run. */
export function useSystem(environment: Record<string, string> = {}): System {
  const system = {} as System;
  beforeAll(async () => {
    const models = startModelServer();
    system.models = models;
    [system.browser, system.server] = await Promise.all([
      launchBrowser(),
      startServerProcess({ MODEL_SERVERS: models.url, SHUTDOWN_TIMEOUT: "1", ...environment }),
    ]);
  });
  afterAll(async () => {
    await system.browser?.close();
    await system.server?.remove();
    system.models?.stop();
  });
  return system;
}
