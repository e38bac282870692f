import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ApiKeyListBody, CreatedApiKeyBody, UserBody } from "@peregrine/protocol";
import { SQL } from "bun";
import { startTestServer, type TestServer, TestUser } from "../testing/test-server.ts";

let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  admin = await TestUser.register(server);
});
afterAll(() => server.stop());

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

test("the first account is the administrator, the others are users", async () => {
  expect(admin.user.role).toBe("admin");
  expect((await TestUser.register(server)).user.role).toBe("user");
});

test("an account signs in by its email in any case, and out again", async () => {
  const email = "Grace@Example.org";
  const body = { email, password: "a good password", name: "Grace" };
  const registered = await post("/api/v1/auth/register", body);
  expect(registered.status).toBe(201);
  const cookie = registered.headers.get("set-cookie") ?? "";
  expect(cookie).toContain("HttpOnly");
  expect(cookie).toContain("SameSite=Lax");
  expect(cookie).not.toContain("Secure");
  expect(await registered.text()).not.toContain("password");

  const again = await post("/api/v1/auth/register", { ...body, email: email.toLowerCase() });
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({ error: { code: "email_taken", field: "email" } });

  const login = await post("/api/v1/auth/login", {
    email: email.toUpperCase(),
    password: "a good password",
  });
  expect(login.status).toBe(200);
  const headers = { cookie: login.headers.get("set-cookie")?.split(";", 1)[0] ?? "" };
  const me = await fetch(`${server.url}/api/v1/me`, { headers });
  expect(((await me.json()) as UserBody).user.name).toBe("Grace");
  expect((await post("/api/v1/auth/logout", {}, headers)).status).toBe(204);
  expect((await fetch(`${server.url}/api/v1/me`, { headers })).status).toBe(401);
});

test("neither tokens nor passwords nor keys are in the database as they are", async () => {
  const { key } = await admin.json<CreatedApiKeyBody>("/api/v1/api-keys", {
    json: { name: "secret check" },
  });
  const sql = new SQL({ url: server.databaseUrl, max: 1 });
  const token = admin.cookie.split("=")[1] ?? "";
  for (const table of ["users", "sessions", "api_keys"]) {
    const text = JSON.stringify(await sql.unsafe(`select * from ${table}`));
    expect(text).not.toContain(token);
    expect(text).not.toContain(key.slice(10));
    expect(text).not.toContain("a good password");
  }
  await sql.close();
});

test("a wrong password and an unknown email are told the same", async () => {
  const wrong = await post("/api/v1/auth/login", { email: admin.user.email, password: "wrong" });
  const unknown = await post("/api/v1/auth/login", { email: "no@one.org", password: "wrong" });
  expect(wrong.status).toBe(401);
  expect(await wrong.json()).toEqual(await unknown.json());
});

test("attempts on one account are limited, wherever they come from", async () => {
  const victim = await TestUser.register(server);
  const login = (password: string) =>
    post("/api/v1/auth/login", { email: victim.user.email, password });
  const statuses: number[] = [];
  for (let i = 0; i < 11; i++) statuses.push((await login("a wrong one")).status);
  expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
  expect(statuses[10]).toBe(429);
  const locked = await login("a good password");
  expect(locked.status).toBe(429);
  expect(Number(locked.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await locked.json()).toMatchObject({ error: { code: "too_many_attempts" } });
});

test("an API key opens what its owner may, until it is deleted", async () => {
  const { apiKey, key } = await admin.json<CreatedApiKeyBody>("/api/v1/api-keys", {
    json: { name: "my program" },
  });
  expect(key).toStartWith(apiKey.prefix);
  const withKey = { headers: { authorization: `Bearer ${key}` } };
  const me = await fetch(`${server.url}/api/v1/me`, withKey);
  expect(((await me.json()) as UserBody).user.id).toBe(admin.user.id);

  const stranger = await TestUser.register(server);
  const path = `/api/v1/api-keys/${apiKey.id}`;
  expect((await stranger.fetch(path, { method: "DELETE" })).status).toBe(404);
  expect((await admin.fetch(path, { method: "DELETE" })).status).toBe(204);
  expect((await fetch(`${server.url}/api/v1/me`, withKey)).status).toBe(401);
  const { apiKeys } = await admin.json<ApiKeyListBody>("/api/v1/api-keys");
  expect(apiKeys.map((other) => other.id)).not.toContain(apiKey.id);
});

test("a change that another site asks for with the cookie is refused", async () => {
  const create = (headers: Record<string, string>) =>
    admin.fetch("/api/v1/conversations", { json: {}, headers });
  expect((await create({ origin: "https://evil.example" })).status).toBe(403);
  expect((await create({ origin: "null" })).status).toBe(403);
  expect((await create({ "sec-fetch-site": "cross-site" })).status).toBe(403);
  expect((await create({ origin: server.url })).status).toBe(201);
  expect((await create({})).status).toBe(201);
  const login = await post(
    "/api/v1/auth/login",
    { email: admin.user.email, password: "a good password" },
    { origin: "https://evil.example" },
  );
  expect(login.status).toBe(403);
});

test("behind TLS, told by a trusted proxy or the public URL, cookies are Secure", async () => {
  const behind = await startTestServer({ TRUSTED_PROXIES: "127.0.0.1", SIGNUP: "closed" });
  const register = (email: string) =>
    fetch(`${behind.url}/api/v1/auth/register`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-forwarded-proto": "https" },
      body: JSON.stringify({ email, password: "a good password", name: "A" }),
    });
  const first = await register("first@example.org");
  expect(first.status).toBe(201);
  expect(first.headers.get("set-cookie")).toContain("; Secure");
  behind.queries.length = 0;
  const second = await register("second@example.org");
  expect(behind.queries.map(({ name }) => name)).not.toContain("users.create");
  expect(second.status).toBe(403);
  expect(await second.json()).toMatchObject({ error: { code: "signup_closed" } });
  await behind.stop();
});

test("of many first accounts at once, one is the administrator", async () => {
  const fresh = await startTestServer();
  const users = await Promise.all(Array.from({ length: 8 }, () => TestUser.register(fresh)));
  expect(users.filter(({ user }) => user.role === "admin")).toHaveLength(1);
  await fresh.stop();
});
