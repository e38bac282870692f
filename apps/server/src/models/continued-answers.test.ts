import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type ModelServer, type Scenario, startModelServer } from "@peregrine/e2e/model-server";
import type { Balancing, ServerFailure } from "./balanced-model.ts";
import type { ModelEvent, ModelRequest } from "./model.ts";
import type { ModelError } from "./model-error.ts";
import { parseModelServers } from "./model-server-list.ts";
import { type ModelServers, openModelServers } from "./model-servers.ts";

const never = new AbortController().signal;
const answer = "One, two,\n\nthree 😀 four. \n Five six, seven; eight nine ten.";
const question = "a question";

let first: ModelServer;
let second: ModelServer;
let failures: ServerFailure[];
const opened: ModelServers[] = [];

beforeEach(() => {
  first = startModelServer();
  second = startModelServer();
  for (const server of [first, second]) server.always({ text: answer });
  failures = [];
});
afterEach(() => {
  for (const servers of opened.splice(0)) servers.close();
  first.stop();
  second.stop();
});

type Limits = { nextTokenMs?: number; maxAnswerLength?: number };

function open(
  servers: string,
  balancing: Balancing = { continueWith: "assistant" },
  limits: Limits = {},
): ModelServers {
  const models = openModelServers({
    servers: parseModelServers(servers),
    model: "m",
    balancing,
    limits: { firstTokenMs: 5000, nextTokenMs: 5000, ...limits },
    onFailure: (failure) => failures.push(failure),
  });
  opened.push(models);
  return models;
}

/** The second is asked only once the first has failed. */
function both(balancing?: Balancing, limits?: Limits): ModelServers {
  return open(`${first.url},${second.url};backup`, balancing, limits);
}

type Outcome = { text: string; usage: ModelEvent | undefined; end: string; error: unknown };

async function ask(
  models: ModelServers,
  more: Partial<ModelRequest> = {},
  signal = never,
  onDelta: (text: string) => void = () => {},
): Promise<Outcome> {
  const outcome: Outcome = { text: "", usage: undefined, end: "", error: undefined };
  const messages = [{ role: "user" as const, content: question }];
  const request: ModelRequest = { model: "m", messages, priority: "interactive", ...more };
  try {
    for await (const event of models.stream(request, signal)) {
      if (event.type === "end") outcome.end = event.finishReason;
      else if (event.type === "usage") outcome.usage = event;
      else {
        outcome.text += event.text;
        onDelta(outcome.text);
      }
    }
  } catch (error) {
    outcome.error = error;
  }
  return outcome;
}

function messagesAt(server: ModelServer, at = -1): unknown[] {
  return server.requests.at(at)!.body.messages as unknown[];
}

describe("an answer that breaks off goes on with another server", () => {
  const faults: Partial<Scenario>[] = [
    { fault: "end" },
    { fault: "error" },
    { fault: "error", errorShape: "llama_field" },
  ];
  test.each(faults.flatMap((fault) => [1, 3, 9].map((after) => ({ ...fault, after }))))(
    "%p",
    async (fault) => {
      first.next({ text: answer, ...fault });
      expect(await ask(both())).toMatchObject({ text: answer, end: "stop", error: undefined });
      expect(failures).toMatchObject([{ failedOver: true, continued: true }]);
      const [asked, begun] = messagesAt(second) as { role: string; content: string }[];
      expect(asked).toEqual({ role: "user", content: question });
      expect(begun!.role).toBe("assistant");
      expect(answer).toStartWith(begun!.content);
      expect(begun!.content).toBe(begun!.content.trim());
    },
  );

  test.each(["close", "reset"] as const)(
    "also after a %s, which can take with it what was not read yet",
    async (fault) => {
      first.next({ text: answer, fault, after: 9 });
      expect(await ask(both())).toMatchObject({ text: answer, end: "stop" });
      expect(failures).toMatchObject([{ failedOver: true }]);
    },
  );

  test("that falls silent", async () => {
    first.next({ text: answer, fault: "stall", after: 4 });
    const models = both(undefined, { nextTokenMs: 150 });
    expect(await ask(models)).toMatchObject({ text: answer, end: "stop" });
    expect(failures).toMatchObject([{ error: { code: "model_timeout" }, continued: true }]);
  });

  test("wherever its bytes are cut", async () => {
    first.next({ text: answer, fault: "end", after: 5, cut: 7, splitSurrogates: true });
    second.next({ text: answer, cut: 3, splitSurrogates: true });
    expect(await ask(both())).toMatchObject({ text: answer, end: "stop" });
  });

  test("whose server is killed", async () => {
    first.always({ text: answer, rate: 50 });
    const outcome = await ask(both(), {}, never, (text) => {
      if (text.includes("three")) first.stop();
    });
    expect(outcome).toMatchObject({ text: answer, end: "stop" });
  });

  test("that breaks off more than once", async () => {
    const third = startModelServer();
    third.always({ text: answer });
    try {
      const models = open(`${first.url},${second.url},${third.url}`, { continueWith: "assistant" });
      for (const server of [first, second, third]) {
        server.next({ text: answer, fault: "end", after: 3 });
      }
      expect(await ask(models)).toMatchObject({ text: answer, end: "stop" });
      // The third may be one that broke off before and is well again.
      expect(failures.length).toBeGreaterThanOrEqual(2);
      expect(failures.every(({ continued }) => continued)).toBe(true);
    } finally {
      third.stop();
    }
  });

  test("behind the same address, where there is no other", async () => {
    first.next({ text: answer, fault: "end", after: 2 });
    expect(await ask(open(first.url))).toMatchObject({ text: answer, end: "stop" });
    expect(first.requests.length).toBe(2);
  });

  test("with what is left of the tokens, and of the greatest length", async () => {
    first.next({ text: answer, fault: "end", after: 3 });
    const models = both(undefined, { maxAnswerLength: 30 });
    const outcome = await ask(models, { maxTokens: 100 });
    expect(outcome).toMatchObject({ text: answer.slice(0, 30).toWellFormed(), end: "length" });
    expect(second.requests.at(-1)!.body.max_tokens).toBe(97);
  });

  test("and its usage is that of both", async () => {
    first.next({ text: answer, fault: "end", after: 3 });
    const { usage } = await ask(both());
    // The second was asked 7 tokens and the 3 that had come, the first 7; the answer has 11.
    const expected = { type: "usage", promptTokens: 17, completionTokens: 11 };
    expect(usage).toEqual(expected as ModelEvent);
  });

  test("anew where only white space had come, by a server that cannot go on", async () => {
    const text = "\n\nhello there";
    first.next({ text: "\n\n\u00a0", fault: "end", after: 1 });
    second.always({ text });
    const outcome = await ask(both({ continueWith: "off" }));
    expect(outcome).toMatchObject({ end: "stop", error: undefined });
    expect(outcome.text.trim()).toBe("hello there");
    expect(messagesAt(second)).toHaveLength(1);
  });
});

describe("each server is asked in its own way", () => {
  const ways = ["assistant", "continue_final_message", "prefix", "prefix_repeated"] as const;
  test.each(ways)("%s", async (way) => {
    first.next({ text: answer, fault: "end", after: 4 });
    second.always({ text: answer, continues: way });
    const models = open(`${first.url},${second.url};backup;continue=${way}`, {
      continueWith: "assistant",
    });
    expect(await ask(models)).toMatchObject({ text: answer, end: "stop" });
    const { body } = second.requests.at(-1)!;
    const marked = way === "prefix" || way === "prefix_repeated";
    expect((body.messages as { prefix?: boolean }[]).at(-1)!.prefix).toBe(
      marked ? true : undefined,
    );
    const opens = way === "continue_final_message";
    expect(body.continue_final_message).toBe(opens ? true : undefined);
    expect(body.add_generation_prompt).toBe(opens ? false : undefined);
  });

  test("also over a server that refuses a part of the request first", async () => {
    first.next({ text: answer, fault: "end", after: 4 });
    second.always({ text: answer, rejects: "stream_options" });
    expect(await ask(both())).toMatchObject({ text: answer, end: "stop" });
  });

  test("and not at all where it is said so: the one that broke off is asked instead", async () => {
    first.next({ text: answer, fault: "end", after: 4 });
    const models = open(`${first.url},${second.url};continue=off;backup`);
    expect(await ask(models)).toMatchObject({ text: answer, end: "stop" });
    expect([first.requests.length, second.requests.length]).toEqual([2, 0]);
  });
});

describe("it ends as interrupted, with what came", () => {
  async function interrupted(models: ModelServers, came: string): Promise<ModelError> {
    const { text, error } = await ask(models);
    expect(text).toBe(came);
    expect(error).toMatchObject({ code: "model_interrupted" });
    expect(failures.at(-1)).toMatchObject({ failedOver: false, continued: false });
    return error as ModelError;
  }

  test("where nobody can go on with it, and nothing is asked twice", async () => {
    first.next({ text: answer, fault: "end", after: 2 });
    await interrupted(both({}), "One, two,");
    expect(second.requests.length).toBe(0);
  });

  test("where the next server refuses: a person is told of the break, not of that", async () => {
    first.next({ text: answer, fault: "end", after: 2 });
    first.next({ status: 400 });
    second.always({ text: answer, continues: "prefix" });
    const error = await interrupted(both(), "One, two,");
    expect(error.message).toBe("The model server stopped in the middle of its answer.");
  });

  test("where the next server answers anew, as far as can be seen", async () => {
    first.next({ text: answer, fault: "end", after: 2 }, { status: 500 });
    second.always({ text: "Another answer.", continues: "never" });
    await interrupted(both({ continueWith: "prefix_repeated" }), "One, two,");
  });

  test("where the next server begins to think", async () => {
    first.next({ text: answer, fault: "end", after: 2 }, { status: 500 });
    second.always({ text: answer, reasoning: 3 });
    await interrupted(both(), "One, two,");
  });

  test("where all fail", async () => {
    first.next({ text: answer, status: 200, fault: "end", after: 2 });
    first.always({ status: 500 });
    second.always({ status: 500 });
    await interrupted(both(), "One, two,");
    expect(second.requests.length).toBe(1);
  });

  test("after three times", async () => {
    for (const server of [first, second]) server.always({ text: answer, fault: "end", after: 1 });
    await interrupted(both(), "One, two,\n\nthree 😀");
    expect(first.requests.length + second.requests.length).toBe(4);
  });

  test("where the request itself is at fault", async () => {
    first.next({ text: answer, fault: "error", status: 400, after: 2 });
    const { text, error } = await ask(both());
    expect(text).toBe("One, two,");
    expect(error).toMatchObject({ code: "model_rejected" });
    expect(second.requests.length).toBe(0);
  });
});

test("to stop it stops the server that writes now, and nobody else is asked", async () => {
  first.next({ text: answer, fault: "end", after: 2 });
  second.always({ text: answer, rate: 20 });
  const stop = new AbortController();
  const outcome = await ask(both(), {}, stop.signal, (text) => {
    if (text.includes("three")) stop.abort("stopped");
  });
  expect(outcome.error).toBe("stopped");
  await second.until(() => second.requests[0]!.ending?.how === "client_left");
  expect(second.openStreams).toBe(0);
  expect(first.requests.length + second.requests.length).toBe(2);
});

test("to stop it while it waits for another server takes it out of the line", async () => {
  const models = open(`${first.url},${second.url};maxInFlight=1;backup`);
  const holding = new AbortController();
  first.always({ status: 500 });
  second.always({ text: answer, rate: 1 });
  const held = ask(models, {}, holding.signal);
  await second.until(() => second.openStreams === 1);
  first.next({ text: answer, status: 200, fault: "end", after: 2 });
  const stop = new AbortController();
  const asked = ask(models, {}, stop.signal);
  while (models.queued === 0) await Bun.sleep(1);
  stop.abort("stopped");
  expect(await asked).toMatchObject({ text: "One, two,", error: "stopped" });
  expect(models.queued).toBe(0);
  holding.abort("over");
  await held;
});
