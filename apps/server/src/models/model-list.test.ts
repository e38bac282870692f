import { afterAll, expect, test } from "bun:test";
import { modelServerAddress } from "./base-url.ts";
import { ModelList } from "./model-list.ts";

let answer: () => Response | Promise<Response>;
let asked = 0;
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch() {
    asked++;
    return answer();
  },
});
const session = new Bun.FetchSession();
afterAll(async () => {
  session.close();
  await server.stop(true);
});

function open(times: { keepMs?: number; retryMs?: number; timeoutMs?: number } = {}): ModelList {
  asked = 0;
  const options = { timeoutMs: 2000, keepMs: 60_000, retryMs: 60_000, ...times };
  return new ModelList([modelServerAddress(server.url.href)], session, options);
}

test.each([
  ["OpenAI", { object: "list", data: [{ id: "a" }, { id: "b" }] }],
  ["Together", [{ id: "a" }, { id: "b" }]],
  ["Ollama's own", { models: [{ name: "a" }, { name: "b" }] }],
  [
    "one with nonsense",
    {
      data: [
        null,
        3,
        {},
        { id: 4 },
        { id: "" },
        { id: "x\n" },
        { id: "x".repeat(201) },
        { id: "a" },
        { id: "b" },
      ],
    },
  ],
])("reads the list of %s", async (_name, body) => {
  answer = () => Response.json(body);
  expect(await open().ids()).toEqual(["a", "b"]);
});

test.each([
  ["not JSON", () => new Response("<html>")],
  ["no list", () => Response.json({ data: "a" })],
  ["null", () => Response.json(null)],
  ["an error", () => Response.json({ data: [{ id: "a" }] }, { status: 500 })],
  ["too much", () => new Response(`${" ".repeat(5 * 1024 * 1024)}{"data":[{"id":"a"}]}`)],
])("takes %s for no list", async (_name, respond) => {
  answer = respond;
  expect(await open().ids()).toEqual([]);
});

test("does not wait for a server that does not answer", async () => {
  answer = () => new Promise(() => {});
  expect(await open({ timeoutMs: 30 }).ids()).toEqual([]);
});

test("gives out the old list while it fetches the new one, and keeps it where that fails", async () => {
  answer = () => Response.json({ data: [{ id: "old" }] });
  const list = open({ keepMs: 0, retryMs: 0 });
  expect(await list.ids()).toEqual(["old"]);

  const held = Promise.withResolvers<Response>();
  answer = () => held.promise;
  expect(await list.ids()).toEqual(["old"]);
  held.resolve(Response.json({ data: [{ id: "new" }] }));
  while ((await list.ids())[0] !== "new") await Bun.sleep(1);

  answer = () => new Response(null, { status: 500 });
  const before = asked;
  while (asked < before + 3) expect(await list.ids().finally(() => Bun.sleep(1))).toEqual(["new"]);
});

test("asks no more than its times allow", async () => {
  answer = () => new Response(null, { status: 500 });
  const list = open();
  for (let i = 0; i < 5; i++) await list.ids();
  expect(asked).toBe(1);
});
