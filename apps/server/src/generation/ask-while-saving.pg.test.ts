import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import type { MessageListBody } from "@peregrine/protocol";
import { type ReservedSQL, SQL } from "bun";
import {
  allEvents,
  startTestServer,
  type TestServer,
  TestUser,
  textOf,
  until,
} from "../testing/test-server.ts";

let server: TestServer;
let ada: TestUser;
let sql: SQL;
let other: ReservedSQL;

beforeAll(async () => {
  server = await startTestServer();
  ada = await TestUser.register(server);
  sql = new SQL({ url: server.databaseUrl, max: 2 });
});
afterAll(async () => {
  await sql.close();
  await server.stop();
});
beforeEach(async () => {
  other = await sql.reserve();
});
afterEach(() => other.release());

/** Keeps questions from being saved in a conversation, until `other` commits or rolls back. */
async function holdUp(id: string): Promise<void> {
  await other`begin`;
  await other`select 1 from conversations where id = ${id} for update`;
}

const requestWith = (word: string) =>
  server.models.requests.findLast(({ body }) => JSON.stringify(body.messages).includes(word));

test("the model is asked while the question is being saved, and nothing told before it is", async () => {
  const { id } = await ada.newConversation();
  await holdUp(id);
  let response: Response | undefined;
  const asking = ada.ask(id, "Patience {{tokens=5}}").then((answered) => {
    response = answered;
    return answered;
  });
  await until(() => requestWith("Patience")?.ending, "the model to have answered");
  expect(response).toBeUndefined();
  await other`commit`;
  const events = await allEvents(await asking);
  expect(events[0]?.event.type).toBe("started");
  expect(textOf(events)).not.toBe("");
  expect(events.at(-1)?.event).toEqual({ type: "done", status: "complete" });
});

test("a model that was asked for a question that is then refused is left", async () => {
  const { id } = await ada.newConversation();
  await holdUp(id);
  const asking = ada.ask(id, "In vain {{tokens=5000 rate=50}}");
  await until(() => requestWith("In vain"), "the model to be asked");
  // Somebody else's question came first.
  await other`insert into messages (id, conversation_id, user_id, role, content, status)
    values (gen_random_uuid(), ${id}, ${ada.user.id}, 'assistant', '', 'running')`;
  await other`commit`;
  expect((await asking).status).toBe(409);
  await until(() => requestWith("In vain")?.ending, "the model server to see its client leave");
  const { messages } = await ada.json<MessageListBody>(`/api/v1/conversations/${id}/messages`);
  expect(messages).toHaveLength(1);
});

test("a question that cannot be saved is not answered, and its model is left", async () => {
  const { id } = await ada.newConversation();
  await holdUp(id);
  const asking = ada.ask(id, "Lost {{tokens=5000 rate=50}}");
  await until(() => requestWith("Lost"), "the model to be asked");
  const end = () => sql`select pg_terminate_backend(pid) from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()`;
  await until(async () => (await end()).length > 0, "the question to wait for its turn");
  expect((await asking).status).toBe(503);
  await other`rollback`;
  await until(() => requestWith("Lost")?.ending, "the model server to see its client leave");
  const { messages } = await ada.json<MessageListBody>(`/api/v1/conversations/${id}/messages`);
  expect(messages).toEqual([]);
  expect((await allEvents(await ada.ask(id, "Again {{tokens=2}}"))).at(-1)?.event).toEqual({
    type: "done",
    status: "complete",
  });
});

test("a question that will be refused is not sent to a model", async () => {
  const { id } = await ada.newConversation();
  const running = await ada.ask(id, "{{tokens=5000 rate=50}}");
  const bea = await TestUser.register(server);
  expect((await ada.ask(id, "Twice {{tokens=2}}")).status).toBe(409);
  expect((await bea.ask(id, "Prying {{tokens=2}}")).status).toBe(404);
  await ada.fetch(`/api/v1/conversations/${id}`, { method: "DELETE" });
  await allEvents(running);
  expect(requestWith("Twice")).toBeUndefined();
  expect(requestWith("Prying")).toBeUndefined();
});
