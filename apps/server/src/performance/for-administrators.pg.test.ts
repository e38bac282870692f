import { afterAll, beforeAll, expect, test } from "bun:test";
import { readConfig } from "../config.ts";
import type { Context } from "../context.ts";
import { createApp } from "../http/app.ts";
import { startTestServer, type TestServer, TestUser } from "../testing/test-server.ts";
import type { PerformanceParts } from "./performance-parts.ts";

let server: TestServer;
let someone: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  await TestUser.register(server);
  someone = await TestUser.register(server);
});
afterAll(() => server.stop());

/** Stands for what routes are made with: to make them nothing but the settings is asked of it. */
const config = readConfig({});
const anything: unknown = new Proxy(() => {}, {
  get(_, name) {
    if (name === "config") return config;
    return typeof name === "string" ? anything : undefined;
  },
  apply: () => anything,
});

/** The routes of the application itself, so that none can be forgotten here. */
const routes = createApp(anything as Context, anything as PerformanceParts, () => undefined)
  .routes.map(({ method, path }) => ({ method, path: path.replace(/(?<=.)\/$/, "") }))
  .filter(({ path }) => path.startsWith("/api/v1/performance") || path === "/metrics");

test("there are routes of each kind", () => {
  const known = routes.map(({ method, path }) => `${method} ${path}`);
  for (const route of [
    "GET /metrics",
    "GET /api/v1/performance/metrics",
    "GET /api/v1/performance/metrics/live",
    "POST /api/v1/performance/cache/clear",
    "GET /api/v1/performance/database",
    "POST /api/v1/performance/models/drain",
    "GET /api/v1/performance/balancer",
    "POST /api/v1/performance/balancer/drain",
    "PUT /api/v1/performance/alerts/rules/:id",
  ]) {
    expect(known).toContain(route);
  }
});

test.each(routes.map(({ method, path }) => [method, path] as const))(
  "%s %s is for administrators: others get a 403 or 401, and no figure",
  async (method, path) => {
    const url = path.replace(/:\w+/g, "01890000-0000-7000-8000-000000000000");
    const response = await someone.fetch(url, { method });
    expect(response.status).toBe(403);
    const body = (await response.json()) as { error: { code: string } };
    expect(Object.keys(body)).toEqual(["error"]);
    expect(body.error.code).toBe("forbidden");
    const stranger = await fetch(server.url + url, { method });
    expect(stranger.status).toBe(401);
    expect(Object.keys((await stranger.json()) as object)).toEqual(["error"]);
  },
);
