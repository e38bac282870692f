import { afterAll, beforeAll, expect, test } from "bun:test";
import type {
  AnswerBody,
  ConversationBody,
  ConversationListBody,
  MessageListBody,
} from "@peregrine/protocol";
import { type ModelServer, startModelServer } from "./model-server/model-server.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";

const kills = 50;
let models: ModelServer;
let server: ServerProcess;
let cookie: string;

beforeAll(async () => {
  models = startModelServer();
  server = await startServerProcess({ MODEL_SERVERS: models.url, LOG_LEVEL: "info" });
  const registered = await post("/auth/register", {
    email: "ada@example.org",
    password: "a good password",
    name: "Ada",
  });
  cookie = registered.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
});

afterAll(async () => {
  await server.remove();
  models.stop();
});

async function post(path: string, body: object): Promise<Response> {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", cookie: cookie ?? "" },
    body: JSON.stringify(body),
  });
  if (response.status !== 201) throw new Error(`${path}: ${await response.text()}`);
  return response;
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${server.url}/api/v1${path}`, { headers: { cookie } });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return (await response.json()) as T;
}

test(`what was acknowledged is there after server and Postgres were killed, ${kills} times`, async () => {
  const conversations: string[] = [];
  const messages = new Map<string, string>();
  for (let i = 0; i < kills; i++) {
    // In turns a conversation, and a question with its answer.
    if (i % 2 === 0) {
      const created = await post("/conversations", { title: `Number ${i}` });
      await server.killWithDatabase();
      conversations.unshift(((await created.json()) as ConversationBody).conversation.id);
    } else {
      const [newest] = conversations;
      const asked = await post(`/conversations/${newest}/messages`, {
        content: `Question ${i} {{tokens=3}}`,
      });
      await server.killWithDatabase();
      const { question, answer } = (await asked.json()) as AnswerBody;
      messages.set(question.id, question.content);
      messages.set(answer.id, answer.content);
    }
    await server.start();
    const { conversations: found } = await get<ConversationListBody>("/conversations?limit=100");
    expect(found.map(({ id }) => id)).toEqual(conversations);
    const page = await get<MessageListBody>(`/conversations/${conversations[0]}/messages`);
    for (const { id, content } of page.messages) expect(content).toBe(messages.get(id) ?? "gone");
    if (i % 2 === 1) expect(page.messages).toHaveLength(2);
  }
  expect([conversations.length, messages.size]).toEqual([kills / 2, kills]);
}, 240_000);
