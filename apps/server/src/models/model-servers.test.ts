import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type ModelServer, startModelServer } from "@peregrine/e2e/model-server";
import { freePort } from "@peregrine/process/testing";
import type { Balancing, ServerFailure } from "./balanced-model.ts";
import type { ModelRequest } from "./model.ts";
import type { ModelError } from "./model-error.ts";
import { parseModelServers } from "./model-server-list.ts";
import { type ModelServers, openModelServers } from "./model-servers.ts";

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

function open(
  urls: string[],
  model?: string,
  balancing: Balancing = {},
  firstTokenMs = 1000,
): ModelServers {
  const servers = openModelServers({
    servers: parseModelServers(urls.join(",")),
    model,
    balancing,
    limits: { firstTokenMs, nextTokenMs: 200 },
    onFailure: (failure) => failures.push(failure),
  });
  opened.push(servers);
  return servers;
}

function both(balancing?: Balancing): ModelServers {
  return open([first.url, second.url], undefined, balancing);
}

/** A conversation whose first choice is this server, found by asking. */
async function conversationAt(servers: ModelServers, server: ModelServer): Promise<string> {
  for (let i = 0; ; i++) {
    const before = server.requests.length;
    await ask(servers, "{{tokens=1}}", { conversationId: `c${i}` });
    if (server.requests.length > before) return `c${i}`;
  }
}

/** How many requests came to each since this was last asked. */
function newRequests(...servers: ModelServer[]): number[] {
  return servers.map((server) => {
    const known = counted.get(server) ?? 0;
    counted.set(server, server.requests.length);
    return server.requests.length - known;
  });
}
const counted = new WeakMap<ModelServer, number>();

async function ask(
  servers: ModelServers,
  content: string,
  more: Partial<ModelRequest> = {},
  signal = never,
  onDelta: (text: string) => void = () => {},
): Promise<string> {
  let text = "";
  const request: ModelRequest = {
    model: "m",
    messages: [{ role: "user", content }],
    priority: "interactive",
    ...more,
  };
  for await (const event of servers.stream(request, signal)) {
    if (event.type !== "delta") continue;
    text += event.text;
    onDelta(text);
  }
  return text;
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

/** An address on which nobody listens. */
async function deadUrl(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}/v1`;
}

describe("choice", () => {
  test("a conversation stays with its server, and many spread over all", async () => {
    const servers = both();
    const id = await conversationAt(servers, second);
    newRequests(first, second);
    for (let i = 0; i < 5; i++) await ask(servers, "?", { conversationId: id });
    expect(newRequests(first, second)).toEqual([0, 5]);
    for (let i = 0; i < 40; i++) await ask(servers, "?", { conversationId: `c${i}` });
    for (const count of newRequests(first, second)) expect(count).toBeGreaterThan(4);
  });

  test("a server has its share of conversations by weight", async () => {
    const servers = open([`${first.url};weight=9`, second.url]);
    for (let i = 0; i < 100; i++) await ask(servers, "{{tokens=1}}", { conversationId: `c${i}` });
    expect(first.requests.length).toBeGreaterThan(75);
    expect(second.requests.length).toBeGreaterThan(0);
  });

  test("a model is asked for where it is offered", async () => {
    const servers = open([`${first.url};models=x|y`, `${second.url};models=z`]);
    for (let i = 0; i < 4; i++) await ask(servers, "?", { conversationId: `c${i}`, model: "z" });
    expect(newRequests(first, second)).toEqual([0, 4]);
    await expect(ask(servers, "?", { model: "w" })).rejects.toMatchObject({
      code: "model_rejected",
      message: 'No model server offers the model "w".',
    });
    expect(await servers.list()).toEqual([{ id: "x" }, { id: "y" }, { id: "z" }]);
  });

  test("a backup answers only where no other server can", async () => {
    const servers = open([first.url, `${second.url};backup`]);
    for (let i = 0; i < 10; i++) await ask(servers, "?", { conversationId: `c${i}` });
    expect(newRequests(first, second)).toEqual([10, 0]);
    first.always({ status: 500 });
    await ask(servers, "?");
    expect(newRequests(first, second)).toEqual([1, 1]);
  });

  test("one that has more than its share of tokens to come is passed over, and taken again after", async () => {
    const servers = both();
    const id = await conversationAt(servers, first);
    newRequests(first, second);
    const abort = new AbortController();
    const held = Array.from({ length: 24 }, () =>
      ask(servers, "{{rate=5 tokens=5000}}", { conversationId: id }, abort.signal).catch(() => {}),
    );
    await waitFor(() => first.openStreams + second.openStreams === 24);
    const [own, other] = newRequests(first, second) as [number, number];
    expect(own).toBeGreaterThanOrEqual(14);
    expect(other).toBeGreaterThanOrEqual(6);
    abort.abort();
    await Promise.all(held);
    await ask(servers, "?", { conversationId: id });
    expect(newRequests(first, second)).toEqual([1, 0]);
  });

  test("load is what is still to come: an answer near its end leaves room for the next", async () => {
    const servers = both();
    const id = await conversationAt(servers, first);
    newRequests(first, second);
    const abort = new AbortController();
    // Each sends all that was expected of it, and then is not yet over.
    const question = "{{tokens=600 fault=stall after=550}}";
    const held: Promise<unknown>[] = [];
    for (let i = 1; i <= 8; i++) {
      await new Promise<void>((resolve) => {
        const onDelta = (text: string) => {
          if (text.includes("word549")) resolve();
        };
        const answer = ask(servers, question, { conversationId: id }, abort.signal, onDelta);
        held.push(answer.catch(() => {}));
      });
    }
    expect(newRequests(first, second)).toEqual([8, 0]);
    abort.abort();
    await Promise.all(held);
  });
});

describe("fail-over", () => {
  test.each(["status=500", "status=429", "status=401", "status=404", "fault=reset", "body=html"])(
    "before the first token (%s) goes to the next server",
    async (how) => {
      const servers = both();
      const conversationId = await conversationAt(servers, first);
      newRequests(first, second);
      const [key, value] = how.split("=") as [string, string];
      first.always({ [key]: key === "status" ? Number(value) : value });
      expect(await ask(servers, "?", { conversationId })).toStartWith("word0");
      expect(newRequests(first, second)).toEqual([1, 1]);
      expect(failures.map((failure) => failure.failedOver)).toEqual([true]);
      expect(failures[0]!.server).toBe(new URL(first.url).host);
    },
  );

  test("a server that nobody listens at costs one failed try", async () => {
    const servers = open([await deadUrl(), second.url]);
    for (let i = 0; i < 40; i++) {
      expect(await ask(servers, "?", { conversationId: `c${i}` })).toStartWith("word0");
    }
    expect(failures.map((failure) => failure.failedOver)).toEqual([true]);
  });

  test("a server that fails three times in a row is put aside; one that lacks a model is not", async () => {
    const servers = both();
    const conversationId = await conversationAt(servers, first);
    newRequests(first, second);
    first.always({ status: 404 });
    for (let i = 0; i < 5; i++) await ask(servers, "?", { conversationId });
    expect(newRequests(first, second)).toEqual([5, 5]);
    first.always({ status: 500 });
    for (let i = 0; i < 6; i++) await ask(servers, "?", { conversationId });
    expect(newRequests(first, second)).toEqual([3, 6]);
  });

  test("a server that died while many waited there loses none of them", async () => {
    const servers = both();
    const id = await conversationAt(servers, first);
    newRequests(first, second);
    first.always({ headersDelayMs: 600_000 });
    const asked = Array.from({ length: 20 }, () => ask(servers, "?", { conversationId: id }));
    await first.until(() => first.requests.length + second.requests.length >= 20);
    first.stop();
    for (const text of await Promise.all(asked)) expect(text).toStartWith("word0");
  });

  test("what waits on a server that others find dead moves at once", async () => {
    const servers = open([first.url, second.url], undefined, {}, 600_000);
    const id = await conversationAt(servers, first);
    newRequests(first, second);
    // Three that fail put it aside; two wait there for a first token that never comes.
    first.always({ headersDelayMs: 600_000 });
    const waiting = [0, 1].map(() => ask(servers, "?", { conversationId: id }));
    await first.until(() => first.openStreams === 2);
    first.always({ status: 500 });
    for (let i = 0; i < 3; i++) await ask(servers, "?", { conversationId: id });
    for (const text of await Promise.all(waiting)) expect(text).toStartWith("word0");
    await first.until(() => first.openStreams === 0);
    expect(newRequests(first, second)).toEqual([5, 5]);
    const moved = failures.filter(({ error }) => error.message.includes("found ill"));
    expect(moved.map(({ failedOver }) => failedOver)).toEqual([true, true]);
  });

  test("what waits on a server found dead stays where no other can answer it", async () => {
    const list = [`${first.url};models=x`, `${second.url};models=y`];
    const servers = open(list, undefined, {}, 600_000);
    first.always({ headersDelayMs: 300 });
    const waiting = ask(servers, "?", { model: "x" });
    await first.until(() => first.openStreams === 1);
    first.always({ status: 500 });
    for (let i = 0; i < 3; i++) await ask(servers, "?", { model: "x" }).catch(() => {});
    expect(await waiting).toStartWith("word0");
    expect(second.requests.length).toBe(0);
  });

  test("does not happen after the first token: nothing is asked twice", async () => {
    const servers = both();
    await expect(ask(servers, "{{after=2 fault=reset}}")).rejects.toMatchObject({
      code: "model_interrupted",
    });
    expect(first.requests.length + second.requests.length).toBe(1);
    expect(failures.map((failure) => failure.failedOver)).toEqual([false]);
  });

  test("does not happen for a request that any server would refuse", async () => {
    await expect(ask(both(), "{{status=400}}")).rejects.toMatchObject({ code: "model_rejected" });
    expect(first.requests.length + second.requests.length).toBe(1);
  });

  test("ends after one round", async () => {
    await expect(ask(both(), "{{status=500}}")).rejects.toMatchObject({
      code: "model_unreachable",
    });
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
    expect(failures.map((failure) => failure.failedOver)).toEqual([true, false]);
  });

  test("with no server left, says at once when to come back", async () => {
    const servers = open([await deadUrl()]);
    await expect(ask(servers, "?")).rejects.toMatchObject({ code: "model_unreachable" });
    const error = await ask(servers, "?").catch((thrown: ModelError) => thrown);
    expect(error).toMatchObject({ code: "model_unreachable", retryable: true });
    expect((error as ModelError).message).toMatch(
      /^No model server works at the moment. Try again in/,
    );
    expect(failures.length).toBe(1);
  });
});

describe("a server that asks for a pause", () => {
  test("gets nothing until it is over, and its conversations are answered elsewhere", async () => {
    const servers = both();
    const conversationId = await conversationAt(servers, first);
    newRequests(first, second);
    first.next({ status: 429, retryAfter: "1" });
    const refusedMs = performance.now();
    for (let i = 0; i < 10; i++) await ask(servers, "{{tokens=1}}", { conversationId });
    expect(newRequests(first, second)).toEqual([1, 10]);
    while (newRequests(first)[0] === 0) await ask(servers, "{{tokens=1}}", { conversationId });
    expect(performance.now() - refusedMs).toBeGreaterThan(990);
  });

  test("is waited for where there is no other and the pause is short", async () => {
    const servers = open([first.url], undefined, { maxWaitMs: 5000 });
    first.next({ status: 429, retryAfter: "1" });
    const refusedMs = performance.now();
    await expect(ask(servers, "?")).rejects.toMatchObject({ retryAfterMs: 1000 });
    expect(await ask(servers, "?")).toStartWith("word0");
    expect(performance.now() - refusedMs).toBeGreaterThan(990);
    expect(first.requests.length).toBe(2);
  });

  test("where all do and it is long, a person is told for how long, and none is asked", async () => {
    const servers = both({ maxWaitMs: 1000 });
    first.always({ status: 429, retryAfter: "300" });
    second.always({ status: 429, retryAfter: "200" });
    await expect(ask(servers, "?")).rejects.toMatchObject({ code: "model_rate_limited" });
    newRequests(first, second);
    const error = (await ask(servers, "?").catch((thrown: unknown) => thrown)) as ModelError;
    expect(error.code).toBe("model_rate_limited");
    expect(error.message).toBe("All model servers ask for a pause. Try again in 4 minutes.");
    expect(error.retryAfterMs).toBeWithin(195_000, 200_001);
    expect(newRequests(first, second)).toEqual([0, 0]);
  });
});

describe("a line before full servers", () => {
  test("people go before background work, each in the order they came", async () => {
    const servers = open([first.url], undefined, { maxInFlight: 1 });
    const holding = new AbortController();
    const held = ask(servers, "{{rate=20 tokens=5000}}", {}, holding.signal).catch(() => {});
    await first.until(() => first.openStreams === 1);
    const asked = [
      ask(servers, "title 1", { priority: "background" }),
      ask(servers, "title 2", { priority: "background" }),
      ask(servers, "question 1"),
      ask(servers, "question 2"),
    ];
    await waitFor(() => servers.queued === 4);
    expect(first.requests.length).toBe(1);
    holding.abort();
    await Promise.all([held, ...asked]);
    const order = first.requests.slice(1).map((request) => {
      return (request.body.messages as { content: string }[])[0]!.content;
    });
    expect(order).toEqual(["question 1", "question 2", "title 1", "title 2"]);
    expect(servers.queued).toBe(0);
  });

  test("a full server is not asked, and its conversations go to another", async () => {
    const servers = both({ maxInFlight: 1 });
    const conversationId = await conversationAt(servers, first);
    newRequests(first, second);
    const holding = new AbortController();
    const held = ask(servers, "{{rate=20 tokens=5000}}", { conversationId }, holding.signal);
    await first.until(() => first.openStreams === 1);
    await ask(servers, "?", { conversationId });
    expect(newRequests(first, second)).toEqual([1, 1]);
    holding.abort();
    await expect(held).rejects.toThrow();
  });

  test("whoever waits too long, or leaves, is not sent", async () => {
    const servers = open([`${first.url};maxInFlight=1`], undefined, { maxWaitMs: 100 });
    const holding = new AbortController();
    const held = ask(servers, "{{rate=20 tokens=5000}}", {}, holding.signal).catch(() => {});
    await first.until(() => first.openStreams === 1);
    const leaving = new AbortController();
    const left = ask(servers, "?", {}, leaving.signal);
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    await expect(ask(servers, "?")).rejects.toMatchObject({
      code: "model_rate_limited",
      message: "All model servers are busy. Try again in a second.",
    });
    holding.abort();
    await held;
    expect(first.requests.length).toBe(1);
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
    const servers = open([await deadUrl(), second.url]);
    expect(await servers.list()).toEqual([{ id: "b" }, { id: "c" }]);
  });

  test("are unknown where none answers, and that is no error", async () => {
    const servers = open([await deadUrl()]);
    expect(await servers.defaultModel()).toBe("default");
    expect(await servers.list()).toEqual([{ id: "default" }]);
  });
});
