import { afterAll, beforeAll, expect, test } from "bun:test";
import type { AnswerBody, FileBody, SearchBody } from "@peregrine/protocol";
import { SQL } from "bun";
import { pdf } from "../testing/pdf.ts";
import { allEvents, startTestServer, type TestServer, TestUser } from "../testing/test-server.ts";

let server: TestServer;
let ada: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  ada = await TestUser.register(server);
});
afterAll(() => server.stop());

const search = (user: TestUser, query: string) => user.json<SearchBody>(`/api/v1/search?${query}`);

test("a question and a title are found as soon as they are there, by their owner alone", async () => {
  const eve = await TestUser.register(server);
  const { id } = await ada.newConversation({ title: "About falcons" });
  // Asked before: what was found then must not be found again from the cache.
  expect((await search(ada, "q=falcons+fast")).results).toEqual([]);
  await allEvents(await ada.ask(id, "How fast do peregrine falcons dive?"));
  const { results, nextCursor } = await search(ada, "q=falcons+fast");
  expect(nextCursor).toBeNull();
  expect(results).toHaveLength(1);
  expect(results[0]).toMatchObject({
    message: {
      conversationId: id,
      content: "How fast do peregrine falcons dive?",
      author: ada.user ? { id: ada.user.id } : null,
    },
    conversation: { id, title: "About falcons" },
    document: null,
    snippet: "How <mark>fast</mark> do peregrine <mark>falcons</mark> dive?",
  });
  expect((await search(ada, "q=falcons")).results.map((r) => r.message === null).sort()).toEqual([
    false,
    true,
  ]);
  expect((await search(eve, "q=falcons")).results).toEqual([]);
  expect((await search(ada, `q=falcons&conversation=${id}`)).results).toHaveLength(1);
  await ada.fetch(`/api/v1/conversations/${id}`, { method: "DELETE" });
  expect((await search(ada, "q=falcons")).results).toEqual([]);
});

async function upload(content: string | Uint8Array<ArrayBuffer>, name: string) {
  const body = new FormData();
  body.append("file", new File([content], name));
  return (await ada.json<FileBody>("/api/v1/files", { method: "POST", body })).file;
}

test.each([
  ["notes.txt", () => "Mycelium is the root of a fungus.", "mycelium"],
  [
    "paper.pdf",
    () => pdf(["Nothing here", "On rhizomorphs"]) as Buffer<ArrayBuffer>,
    "rhizomorphs",
  ],
])(
  "%s is found with the message that it is attached to, until either is gone",
  async (name, make, word) => {
    const eve = await TestUser.register(server);
    const found = async (user = ada) => (await search(user, `q=${word}`)).results;
    expect(await found()).toEqual([]);
    const file = await upload(make(), name);
    expect(await found()).toMatchObject([{ conversation: null, document: { messageId: null } }]);
    const { id } = await ada.newConversation({ title: "Reading" });
    const asked = `/api/v1/conversations/${id}/messages`;
    const answer = await ada.json<AnswerBody>(asked, {
      json: { content: "What does it say?", fileIds: [file.id] },
      headers: { accept: "application/json" },
    });
    expect(await found()).toMatchObject([
      {
        message: null,
        conversation: { id, title: "Reading" },
        document: { fileId: file.id, title: name, messageId: answer.question.id },
        snippet: expect.stringMatching(new RegExp(`<mark>${word}</mark>`, "i")),
      },
    ]);
    expect(await found(eve)).toEqual([]);
    await ada.fetch(`/api/v1/conversations/${id}`, { method: "DELETE" });
    expect(await found()).toMatchObject([{ conversation: null, document: { messageId: null } }]);
    await ada.fetch(`/api/v1/files/${file.id}`, { method: "DELETE" });
    expect(await found()).toEqual([]);
  },
);

test("the text of a file is found from when it is there until it is deleted", async () => {
  expect((await search(ada, "q=zygomorphic")).results).toEqual([]);
  const file = await upload("Orchids are zygomorphic flowers.", "orchids.txt");
  const { results } = await search(ada, "q=zygomorphic");
  expect(results).toHaveLength(1);
  expect(results[0]).toMatchObject({
    message: null,
    conversation: null,
    document: { fileId: file.id, title: "orchids.txt" },
    snippet: "Orchids are <mark>zygomorphic</mark> flowers.",
  });
  await ada.fetch(`/api/v1/files/${file.id}`, { method: "DELETE" });
  expect((await search(ada, "q=zygomorphic")).results).toEqual([]);
});

test("pages follow each other, and a typing error is put right", async () => {
  const { id } = await ada.newConversation();
  for (let i = 0; i < 5; i++)
    await allEvents(await ada.ask(id, `Tell me about lighthouses, part ${i}`));
  const seen = new Set<string>();
  let cursor = "";
  do {
    const page = await search(ada, `q=lighthouses+tell&limit=2${cursor && `&cursor=${cursor}`}`);
    for (const { message } of page.results) seen.add(message?.id ?? "");
    cursor = page.nextCursor ?? "";
  } while (cursor);
  expect(seen.size).toBe(5);
  const corrected = await search(ada, "q=ligthhouses");
  expect(corrected.correctedQuery).toBe("lighthouses");
  expect(corrected.results.length).toBeGreaterThan(0);
});

test.each([
  ["", 400, "q"],
  [`q=${"x".repeat(10_000)}`, 400, "q"],
  ["q=a&limit=0", 400, "limit"],
  ["q=a&limit=101", 400, "limit"],
  ["q=a&cursor=AAAA", 400, "cursor"],
  ["q=a&conversation=x", 400, "conversation"],
  ["q=a&from=yesterday", 400, "from"],
  ["q=a&from=2026-02-31", 400, "from"],
  ["q=a&to=1969-01-01", 400, "to"],
  ["q=a&to=2026-13-01", 400, "to"],
  ["q=a&offset=10", 400, "offset"],
])("?%s is refused", async (query, status, field) => {
  expect(await ada.error(`/api/v1/search?${query}`)).toMatchObject({ status, field });
});

test.each([
  "q=",
  "q=%00",
  "q=%22",
  "q=-",
  "q=or",
  "q=%F0%9F%98%80",
  "q=%ED%A0%80",
  "q=the&from=2026-01-01&to=2020-01-01",
  "q=%25%27%3B--",
  "q=a&to=2026-01-31T12:00:00%2B02:00",
])("?%s finds nothing, without an error", async (query) => {
  const body = await search(ada, query);
  expect(body.results).toEqual([]);
});

test("a stranger may not search", async () => {
  const response = await fetch(`${server.url}/api/v1/search?q=a`);
  expect(response.status).toBe(401);
});

test("a search that takes too long is given up with a 503, and others go on", async () => {
  await search(ada, "q=warm+up");
  const sql = new SQL({ url: server.databaseUrl, max: 1 });
  try {
    await sql.begin(async (tx) => {
      await tx`lock table messages in access exclusive mode`;
      const startedAt = performance.now();
      const error = await ada.error("/api/v1/search?q=locked");
      expect(error).toMatchObject({ status: 503, code: "database_unavailable" });
      expect(performance.now() - startedAt).toBeLessThan(30_000);
      await ada.newConversation({ title: "Not held up" });
    });
  } finally {
    await sql.close();
  }
  expect((await search(ada, "q=locked")).results).toEqual([]);
});
