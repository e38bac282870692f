import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type ModelServer, startModelServer } from "../../../../e2e/model-server/model-server.ts";
import type { ModelRequest } from "./model.ts";
import { type ModelServers, openModelServers, type ServerFailure } from "./model-servers.ts";

const never = new AbortController().signal;

let first: ModelServer;
let second: ModelServer;
let failures: ServerFailure[];
const opened: ModelServers[] = [];

beforeEach(() => {
  first = startModelServer({ models: ["a", "b"] });
  second = startModelServer({ models: ["b", "c"] });
  failures = [];
});
afterEach(() => {
  for (const servers of opened.splice(0)) servers.close();
  first.stop();
  second.stop();
});

function open(urls: string[], model?: string): ModelServers {
  const servers = openModelServers({
    urls,
    model,
    limits: { firstTokenMs: 1000, nextTokenMs: 200 },
    onFailure: (failure) => failures.push(failure),
  });
  opened.push(servers);
  return servers;
}

function both(): ModelServers {
  return open([first.url, second.url]);
}

async function ask(servers: ModelServers, content: string, more: Partial<ModelRequest> = {}) {
  let text = "";
  const request: ModelRequest = {
    model: "m",
    messages: [{ role: "user", content }],
    priority: "interactive",
    ...more,
  };
  for await (const event of servers.stream(request, never)) {
    if (event.type === "delta") text += event.text;
  }
  return text;
}

/** An address on which nobody listens. */
function deadUrl(): string {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return `http://127.0.0.1:${listener.port}/v1`;
}

describe("choice", () => {
  test("servers take turns", async () => {
    const servers = both();
    for (let i = 0; i < 6; i++) await ask(servers, "?");
    expect([first.requests.length, second.requests.length]).toEqual([3, 3]);
  });

  test("a conversation stays with its server, and many spread over all", async () => {
    const servers = both();
    for (let i = 0; i < 3; i++) await ask(servers, "?", { conversationId: "one" });
    expect([0, 3]).toContain(first.requests.length);
    for (let i = 0; i < 40; i++) await ask(servers, "?", { conversationId: `c${i}` });
    expect(first.requests.length).toBeGreaterThan(8);
    expect(second.requests.length).toBeGreaterThan(8);
  });
});

describe("fail-over", () => {
  test.each(["status=500", "status=429", "status=401", "status=404", "fault=reset", "body=html"])(
    "before the first token (%s) goes to the next server",
    async (how) => {
      const [key, value] = how.split("=") as [string, string];
      first.always({ [key]: key === "status" ? Number(value) : value });
      const servers = both();
      for (let i = 0; i < 2; i++) expect(await ask(servers, "?")).toStartWith("word0");
      expect(second.requests.length).toBe(2);
      expect(failures.map((failure) => failure.failedOver)).toEqual([true]);
      expect(failures[0]!.server).toBe(new URL(first.url).host);
    },
  );

  test("leaves a server that nobody listens at", async () => {
    const servers = open([deadUrl(), second.url]);
    for (let i = 0; i < 4; i++) expect(await ask(servers, "?")).toStartWith("word0");
  });

  test("does not happen after the first token", async () => {
    const servers = both();
    await expect(ask(servers, "{{after=2 fault=reset}}")).rejects.toMatchObject({
      code: "model_interrupted",
    });
    expect(second.requests.length).toBe(0);
    expect(failures.map((failure) => failure.failedOver)).toEqual([false]);
  });

  test("does not happen for a request that any server would refuse", async () => {
    await expect(ask(both(), "{{status=400}}")).rejects.toMatchObject({ code: "model_rejected" });
    expect(second.requests.length).toBe(0);
  });

  test("ends after one round", async () => {
    await expect(ask(both(), "{{status=500}}")).rejects.toMatchObject({
      code: "model_unreachable",
    });
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
    expect(failures.map((failure) => failure.failedOver)).toEqual([true, false]);
  });
});

describe("the models to choose from", () => {
  test("are those of all servers, each once", async () => {
    const servers = both();
    expect(await servers.list()).toEqual([{ id: "a" }, { id: "b" }, { id: "c" }]);
    expect(await servers.defaultModel()).toBe("a");
  });

  test("begin with the default, also where no server lists it", async () => {
    const servers = open([first.url], "z");
    expect(await servers.list()).toEqual([{ id: "z" }, { id: "a" }, { id: "b" }]);
    expect(await servers.defaultModel()).toBe("z");
  });

  test("are asked for once, by however many", async () => {
    const servers = both();
    await Promise.all(Array.from({ length: 20 }, () => servers.list()));
    await servers.defaultModel();
    expect([first.connections, second.connections]).toEqual([1, 1]);
  });

  test("come from the servers that answer", async () => {
    const servers = open([deadUrl(), second.url]);
    expect(await servers.list()).toEqual([{ id: "b" }, { id: "c" }]);
  });

  test("are unknown where none answers, and that is no error", async () => {
    const servers = open([deadUrl()]);
    expect(await servers.defaultModel()).toBe("default");
    expect(await servers.list()).toEqual([{ id: "default" }]);
  });
});
