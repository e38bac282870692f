import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ConversationListBody, ErrorBody } from "@peregrine/protocol";
import { errorTable, limits } from "@peregrine/protocol";
import { startTestServer, type TestServer, TestUser } from "../testing/test-server.ts";

let server: TestServer;
let ada: TestUser;
let conversationId: string;

beforeAll(async () => {
  server = await startTestServer();
  ada = await TestUser.register(server);
  conversationId = (await ada.newConversation({ title: "Unchanged" })).id;
});
afterAll(() => server.stop());

const json = { "content-type": "application/json" };
const someId = "01900000-0000-7000-8000-000000000000";

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

type Bad = [name: string, path: string, init: RequestInit, status: number, field?: string];

function bad(): Bad[] {
  const conversation = `/api/v1/conversations/${conversationId}`;
  const ask = (body: string): RequestInit => ({ method: "POST", headers: json, body });
  const register = (patch: object) =>
    ask(JSON.stringify({ email: "x@example.org", password: "long enough", name: "X", ...patch }));
  return [
    ["an unknown field", `${conversation}/messages`, ask('{"content":"a","b":1}'), 400, "b"],
    ["a wrong type", `${conversation}/messages`, ask('{"content":["a"]}'), 400, "content"],
    ["no body", `${conversation}/messages`, { method: "POST" }, 400],
    ["null", `${conversation}/messages`, ask("null"), 400],
    ["an array", `${conversation}/messages`, ask("[]"), 400],
    [
      "a wrong type at length",
      `${conversation}/messages`,
      ask(`{"content":[${"1,".repeat(10_000)}1]}`),
      400,
      "content",
    ],
    ["an empty message", `${conversation}/messages`, ask('{"content":""}'), 400, "content"],
    ["a message of spaces", `${conversation}/messages`, ask('{"content":" \\n "}'), 400, "content"],
    ["NUL", `${conversation}/messages`, ask('{"content":"a\\u0000"}'), 400, "content"],
    ["a lone surrogate", `${conversation}/messages`, ask('{"content":"\\ud83d"}'), 400, "content"],
    [
      "a message that is too long",
      `${conversation}/messages`,
      ask(JSON.stringify({ content: "x".repeat(limits.messageLength + 1) })),
      400,
      "content",
    ],
    ["10 MB", `${conversation}/messages`, ask(`{"content":"${"x".repeat(10_000_000)}"}`), 413],
    [
      "a file that is no id",
      `${conversation}/messages`,
      ask('{"content":"a","fileIds":["x"]}'),
      400,
    ],
    [
      "a file that is not there",
      `${conversation}/messages`,
      ask(JSON.stringify({ content: "a", fileIds: [someId] })),
      404,
    ],
    ["arrays in arrays without end", "/api/v1/auth/login", ask(nested(700_000)), 400],
    ["a field of them", "/api/v1/auth/login", ask(`{"email":${nested(700_000)}}`), 400],
    ["a wrong type, nested as deep as may be", "/api/v1/auth/login", ask(nested(16)), 400],
    ["broken JSON", `${conversation}/messages`, ask('{"content":'), 400],
    [
      "bytes that are not UTF-8",
      `${conversation}/messages`,
      { method: "POST", headers: json, body: new Uint8Array([0x22, 0xff, 0xfe, 0x22]) },
      400,
    ],
    [
      "a form",
      `${conversation}/messages`,
      { method: "POST", body: new URLSearchParams({ content: "a" }) },
      415,
    ],
    ["a title of spaces", "/api/v1/conversations", ask('{"title":"  "}'), 400, "title"],
    [
      "a title that is too long",
      conversation,
      { ...ask(JSON.stringify({ title: "x".repeat(201) })), method: "PATCH" },
      400,
      "title",
    ],
    ["an empty patch", conversation, { ...ask("{}"), method: "PATCH" }, 400],
    [
      "a patch of the id",
      conversation,
      { ...ask(`{"id":"${someId}"}`), method: "PATCH" },
      400,
      "id",
    ],
    ["an id that is none", "/api/v1/conversations/1%00", {}, 404],
    ["an id of nobody", `/api/v1/conversations/${someId}`, {}, 404],
    ["a made-up cursor", "/api/v1/conversations?cursor=AAAA", {}, 400, "cursor"],
    ["a cursor of another list", `${conversation}/messages?cursor=zzz`, {}, 400, "cursor"],
    ["a cursor of a megabyte", `/api/v1/conversations?cursor=${"a".repeat(10_000)}`, {}, 400],
    ["a limit of 0", "/api/v1/conversations?limit=0", {}, 400, "limit"],
    ["a limit of 101", "/api/v1/conversations?limit=101", {}, 400, "limit"],
    ["a limit in words", "/api/v1/conversations?limit=ten", {}, 400, "limit"],
    ["an unknown query", "/api/v1/conversations?offset=1", {}, 400, "offset"],
    ["a route that is not there", "/api/v1/nothing", {}, 404],
    ["a method that is not there", "/api/v1/me", { method: "DELETE" }, 404],
    ["an email that is none", "/api/v1/auth/register", register({ email: "x" }), 400, "email"],
    ["a short password", "/api/v1/auth/register", register({ password: "short" }), 400, "password"],
    ["a role", "/api/v1/auth/register", register({ role: "admin" }), 400, "role"],
    ["a name with NUL", "/api/v1/auth/register", register({ name: "a\0" }), 400, "name"],
    ["a key without a name", "/api/v1/api-keys", ask('{"name":""}'), 400, "name"],
    ["another's key", `/api/v1/api-keys/${someId}`, { method: "DELETE" }, 404],
  ];
}

test("every kind of bad input gets a clear error, and changes nothing", async () => {
  const before = await ada.json<ConversationListBody>("/api/v1/conversations");
  for (const [name, path, init, status, field] of bad()) {
    const response = await ada.fetch(path, init);
    const text = await response.text();
    expect([name, response.status, text]).toEqual([name, status, expect.any(String)]);
    const { error } = JSON.parse(text) as ErrorBody;
    expect(errorTable).toHaveProperty(error.code);
    const { length } = error.message;
    expect([name, length > 10 && length < 400]).toEqual([name, true]);
    if (field) expect([name, error.field]).toEqual([name, field]);
    expect(text).not.toMatch(/select |insert |postgres|\.ts|node_modules/i);
  }
  expect(await ada.json<ConversationListBody>("/api/v1/conversations")).toEqual(before);
  const messages = await ada.fetch(`/api/v1/conversations/${conversationId}/messages`);
  expect(await messages.json()).toEqual({ messages: [], nextCursor: null });
});

test.each([
  ["email", `a@${".".repeat(60_000)}@`],
  ["email", `a@${"a.".repeat(60_000)}@`],
  ["name", `${" ".repeat(1_000_000)}`],
])("a stranger's %s that is far too long holds nobody up", async (field, text) => {
  const account = { email: "x@example.org", password: "long enough", name: "X", [field]: text };
  const startedMs = performance.now();
  const response = await fetch(`${server.url}/api/v1/auth/register`, {
    method: "POST",
    headers: json,
    body: JSON.stringify(account),
  });
  expect([response.status, ((await response.json()) as ErrorBody).error.field]).toEqual([
    400,
    field,
  ]);
  // With a pattern that can be read in many ways it would be ten seconds.
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test("a stranger learns nothing but that a sign-in is needed", async () => {
  for (const [name, path, init] of bad()) {
    if (path.includes("/auth/") || path.includes("nothing")) continue;
    if (init.method === "DELETE" && path.endsWith("/me")) continue;
    const response = await fetch(server.url + path, init);
    const { error } = (await response.json()) as ErrorBody;
    // A body that cannot be read at all is refused before anybody looks at who sent it.
    const isUnread = ["10 MB", "broken JSON", "a form", "NUL", "a lone surrogate"].includes(name);
    if (isUnread || name.includes("UTF-8")) continue;
    expect([name, error.code]).toEqual([name, "unauthenticated"]);
  }
});

test("a host of any name is served, however short", async () => {
  for (const host of ["a", "nas", "nas:3000", "[::1]", "peregrine.example.org"]) {
    const { status } = await fetch(`${server.url}/api/v1/info`, { headers: { host } });
    expect([host, status]).toEqual([host, 200]);
    const found = await ada.fetch(`/api/v1/conversations/${conversationId}`, { headers: { host } });
    expect([host, found.status]).toEqual([host, 200]);
    const refused = await ada.fetch("/api/v1/nothing?a=/b", { headers: { host } });
    expect([host, refused.status]).toEqual([host, 404]);
  }
});
