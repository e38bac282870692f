import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ConversationListBody, CreatedApiKeyBody } from "@peregrine/protocol";
import { SQL } from "bun";
import {
  allEvents,
  startTestServer,
  type TestServer,
  TestUser,
  until,
} from "../testing/test-server.ts";

let server: TestServer;
let ada: TestUser;
let id: string;

beforeAll(async () => {
  server = await startTestServer();
  ada = await TestUser.register(server);
  id = (await ada.newConversation({ title: "Kept" })).id;
  await allEvents(await ada.ask(id, "{{tokens=300}}"));
});
afterAll(() => server.stop());

const paths = () => [
  "/api/v1/conversations",
  "/api/v1/conversations?limit=7",
  `/api/v1/conversations/${id}`,
  `/api/v1/conversations/${id}/messages`,
  `/api/v1/conversations/${id}/messages?limit=1`,
];

/** All that a response says, but for how long it took and when. */
async function said(response: Response) {
  const headers = Object.fromEntries(response.headers);
  expect(headers["server-timing"]).toMatch(/^total;dur=\d/);
  delete headers["server-timing"];
  delete headers.date;
  return { status: response.status, headers, body: await response.text() };
}

test.each(["identity", "zstd", "br, gzip;q=0.5"])(
  "memory answers as the routes do, with the coding %s",
  async (coding) => {
    for (const path of paths()) {
      const headers = { "accept-encoding": coding };
      // The first fills the cache; a mere "&" behind it is the same for the routes, which it goes to.
      await (await ada.fetch(path, { headers })).text();
      const byRoute = await said(
        await ada.fetch(`${path}${path.includes("?") ? "&" : "?"}`, { headers }),
      );
      const byMemory = await said(await ada.fetch(path, { headers }));
      expect([path, byMemory]).toEqual([path, byRoute]);
      expect(byMemory.headers["x-frame-options"]).toBe("DENY");
      expect(byMemory.headers["cache-control"]).toBe("private, no-cache");

      const known = { ...headers, "if-none-match": byMemory.headers.etag as string };
      const unchanged = await ada.fetch(path, { headers: known });
      expect([path, unchanged.status, await unchanged.text()]).toEqual([path, 304, ""]);
      expect(unchanged.headers.get("etag")).toBe(byMemory.headers.etag as string);
      expect((await ada.fetch(path, { headers, method: "HEAD" })).status).toBe(200);
    }
  },
);

test("what memory holds of one person answers nobody else", async () => {
  const bob = await TestUser.register(server);
  for (const path of paths()) {
    await (await ada.fetch(path)).text();
    expect((await ada.fetch(path, { headers: { cookie: "" } })).status).toBe(401);
    expect((await ada.fetch(path, { headers: { authorization: "Bearer no" } })).status).toBe(401);
  }
  const mine = await bob.json<ConversationListBody>("/api/v1/conversations");
  expect(mine.conversations).toEqual([]);
  expect((await bob.fetch(`/api/v1/conversations/${id}`)).status).toBe(404);
  expect((await bob.fetch(`/api/v1/conversations/${id}/messages`)).status).toBe(404);
});

test("after a write, and after signing out, memory says nothing old", async () => {
  const eve = await TestUser.register(server);
  const { id } = await eve.newConversation();
  for (const title of ["one", "two", "three"]) {
    for (const path of ["/api/v1/conversations", `/api/v1/conversations/${id}`]) {
      await (await eve.fetch(path)).text();
      await (await eve.fetch(path)).text();
      await eve.json(`/api/v1/conversations/${id}`, { method: "PATCH", json: { title } });
      expect(await (await eve.fetch(path)).text()).toContain(`"title":"${title}"`);
    }
  }
  expect((await eve.fetch("/api/v1/auth/logout", { method: "POST" })).ok).toBe(true);
  expect((await eve.fetch(`/api/v1/conversations/${id}`)).status).toBe(401);
});

test("a session that ends while memory knows it is not answered", async () => {
  const eve = await TestUser.register(server);
  const sql = new SQL({ url: server.databaseUrl, max: 1 });
  await sql`update sessions set expires_at = now() + interval '4 seconds' where user_id = ${eve.user.id}`;
  await sql.close();
  const status = async () => (await eve.fetch("/api/v1/conversations")).status;
  expect([await status(), await status()]).toEqual([200, 200]);
  await until(async () => (await status()) === 401, "the session's end");
});

test("a key that was deleted is not known any more", async () => {
  const { key, apiKey } = await ada.json<CreatedApiKeyBody>("/api/v1/api-keys", {
    json: { name: "reader" },
  });
  const read = async () => {
    const headers = { cookie: "", authorization: `Bearer ${key}` };
    return (await ada.fetch("/api/v1/conversations", { headers })).status;
  };
  expect([await read(), await read()]).toEqual([200, 200]);
  await ada.fetch(`/api/v1/api-keys/${apiKey.id}`, { method: "DELETE" });
  expect(await read()).toBe(401);
});

test("such reads are counted, and refused headers and queries still are", async () => {
  const count = async () => {
    const text = await (await fetch(server.metricsUrl)).text();
    const line =
      /^http_requests_total\{[^}]*endpoint="\/api\/v1\/conversations\/?",status_code="200"[^}]*\} (\d+)/m;
    return Number(line.exec(text)?.[1] ?? 0);
  };
  const before = await count();
  for (let i = 0; i < 5; i++) await (await ada.fetch("/api/v1/conversations")).text();
  expect(await count()).toBe(before + 5);
  const long = { headers: { "if-none-match": `"${"x".repeat(5000)}"` } };
  expect((await ada.error("/api/v1/conversations", long)).status).toBe(431);
  expect((await ada.error("/api/v1/conversations?limit=0")).status).toBe(400);
  expect((await ada.error("/api/v1/conversations?limit=007")).status).toBe(400);
  expect((await ada.error("/api/v1/conversations?limit=7&other=1")).status).toBe(400);
});
