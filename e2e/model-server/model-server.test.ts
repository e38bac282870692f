import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ModelServer, startModelServer } from "./model-server.ts";
import { scenarioIn } from "./scenario.ts";

let server: ModelServer;
beforeAll(() => {
  server = startModelServer({ apiKey: "key" });
});
afterAll(() => server.stop());

function post(path: string, body: unknown, key = "key"): Promise<Response> {
  return fetch(server.url.replace("/v1", path), {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
}

function ask(content: string, more: Record<string, unknown> = { stream: true }): Promise<Response> {
  const messages = [{ role: "user", content }];
  return post("/v1/chat/completions", { model: "m", messages, ...more });
}

test("streams events that end with [DONE]", async () => {
  const response = await ask("{{tokens=2}}", {
    stream: true,
    stream_options: { include_usage: true },
  });
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  const events = (await response.text()).trimEnd().split("\n\n");
  expect(events).toHaveLength(6);
  expect(events[1]).toStartWith('data: {"id":"chatcmpl-1"');
  expect(events[2]).toContain('"content":" word1"');
  expect(events[4]).toContain('"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2');
  expect(events[5]).toBe("data: [DONE]");
});

test("answers as a whole where no stream is asked for", async () => {
  const response = await ask("{{text=hello}}", {});
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: "hello" } }] });
});

test("keeps the pace that it is told", async () => {
  const startedMs = performance.now();
  await (await ask("{{tokens=20 rate=100 firstTokenDelayMs=50}}")).text();
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(245);
});

test("stamps tokens with the time at which they were sent", async () => {
  const before = Date.now();
  const stamps = (await (await ask("{{tokens=3 stamp=true}}")).text()).match(/@[\d.]+/g)!;
  expect(stamps).toHaveLength(3);
  for (const stamp of stamps) expect(Math.abs(Number(stamp.slice(1)) - before)).toBeLessThan(2000);
});

test("refuses a wrong key", async () => {
  const response = await post("/v1/chat/completions", {}, "other");
  expect(response.status).toBe(401);
});

test("breaks off where it is told to", async () => {
  for (const fault of ["close", "reset"]) {
    const response = await ask(`{{fault=${fault} after=1}}`);
    const reading = response.text();
    await expect(reading).rejects.toThrow();
  }
});

test("sees a client leave, and counts what runs", async () => {
  const abort = new AbortController();
  const response = fetch(`${server.url}/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer key" },
    body: JSON.stringify({
      model: "m",
      stream: true,
      messages: [{ role: "user", content: "{{tokens=1000 rate=50}}" }],
    }),
    signal: abort.signal,
  });
  await response;
  expect(server.openStreams).toBe(1);
  abort.abort();
  await server.until(() => server.openStreams === 0);
  expect(server.requests.at(-1)!.ending!.how).toBe("client_left");
});

describe("what it does", () => {
  test("is told for the next requests, in their order, and for all after them", async () => {
    server.next({ text: "one" }, { text: "two" });
    server.always({ text: "always" });
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await (await ask("?")).text());
    expect(answers[0]).toContain('"content":"one"');
    expect(answers[1]).toContain('"content":"two"');
    expect(answers[2]).toContain('"content":"always"');
    server.always({});
  });

  test("is told over the network too, which also tells what came", async () => {
    await post("/control/next", [{ text: "told" }]);
    expect(await (await ask("what came?")).text()).toContain('"content":"told"');
    const { requests } = await (await fetch(server.url.replace("/v1", "/control/requests"))).json();
    expect(requests.at(-1).body.messages).toEqual([{ role: "user", content: "what came?" }]);
    expect(requests.at(-1).ending.how).toBe("whole");
  });

  test.each(["{{tokens=many}}", "{{tockens=1}}", "{{fault=flood}}", "{{stamp=1}}"])(
    "is never guessed: %p is refused",
    async (content) => {
      expect(() => scenarioIn(content)).toThrow("a scenario");
      expect((await ask(content)).status).toBe(400);
    },
  );
});

test("runs as a process that prints its URL", async () => {
  const main = new URL("main.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, main, "--text", "hello", "--rate", "500"], {
    stdout: "pipe",
  });
  const { value } = await child.stdout.getReader().read();
  const url = new TextDecoder().decode(value).trim();
  const response = await fetch(`${url}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "?" }] }),
  });
  expect(await response.text()).toContain("hello");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});
