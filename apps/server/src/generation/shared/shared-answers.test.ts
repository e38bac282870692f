import { expect, test } from "bun:test";
import { ModelError } from "../../models/model-error.ts";
import {
  askOf,
  type Call,
  HandModel,
  MapCache,
  read,
  settle,
  silent,
} from "../../testing/hand-model.ts";
import { SharedAnswers } from "./shared-answers.ts";

function setUp() {
  const model = new HandModel();
  const cache = new MapCache();
  const shared = new SharedAnswers({ model, cache, log: silent });
  return { model, cache, shared };
}

const unshared = askOf("ada", { share: undefined });

test("the same requests at the same time are one request to the model", async () => {
  const { model, shared } = setUp();
  const readers = Array.from({ length: 100 }, () => read(shared, askOf("ada")));
  await settle();
  expect(model.calls).toHaveLength(1);
  model.last().say("one ", "two ");
  await settle();
  const late = read(shared, askOf("ada"));
  await settle();
  expect(late.reader.text).toBe("one two ");
  model.last().say("three");
  model.last().end();
  for (const { reader, done } of [...readers, late]) {
    expect(await done).toBe("done");
    expect(reader.text).toBe("one two three");
    expect(reader.events.slice(-2)).toEqual([
      { type: "usage", promptTokens: 7, completionTokens: 3 },
      { type: "end", finishReason: "stop" },
    ]);
  }
  expect(model.calls).toHaveLength(1);
});

test("a request that may not be shared goes straight to the model, and is not kept", async () => {
  const { model, cache, shared } = setUp();
  const readers = [read(shared, unshared), read(shared, unshared)];
  await settle();
  expect(model.calls).toHaveLength(2);
  for (const call of model.calls) {
    call.say("x");
    call.end();
  }
  await Promise.all(readers.map(({ done }) => done));
  expect(cache.entries.size).toBe(0);
});

test("nobody is given the answer to another owner's request, running or cached", async () => {
  const { model, shared } = setUp();
  const ada = read(shared, askOf("ada"));
  const eve = read(shared, askOf("eve"));
  await settle();
  expect(model.calls).toHaveLength(2);
  for (const [i, call] of model.calls.entries()) {
    call.say(`answer ${i}`);
    call.end();
  }
  await Promise.all([ada.done, eve.done]);
  expect(ada.reader.text).not.toBe(eve.reader.text);
  const kay = read(shared, askOf("kay"));
  await settle();
  expect(model.calls).toHaveLength(3);
  kay.leave();
  await kay.done;
});

test("a whole answer is given again from the cache, in bounded pieces, with its usage", async () => {
  const { model, shared } = setUp();
  const first = read(shared, askOf("ada"));
  await settle();
  const text = "word 😀 ".repeat(5000);
  model.last().say(text);
  model.last().end();
  await first.done;
  const again = read(shared, askOf("ada"));
  expect(await again.done).toBe("done");
  expect(again.reader.text).toBe(text);
  expect(again.reader.deltas).toBeGreaterThanOrEqual(text.length / 4096);
  expect(again.reader.events.slice(-2)).toEqual(first.reader.events.slice(-2));
  expect(model.calls).toHaveLength(1);
});

test("a hit can be left between two pieces", async () => {
  const { cache, shared } = setUp();
  const get = cache.get.bind(cache);
  cache.get = async (key) =>
    (await get(key)) ?? { text: "x".repeat(50_000), usage: null, model: "m" };
  const abort = new AbortController();
  const events = shared.stream(askOf("ada"), abort.signal)[Symbol.asyncIterator]();
  await events.next();
  abort.abort(new Error("left"));
  expect(events.next()).rejects.toThrow("left");
});

const notKept: [name: string, last: (call: Call) => void][] = [
  ["cut short by its length", (call) => call.say("x", { type: "end", finishReason: "length" })],
  ["filtered", (call) => call.say("x", { type: "end", finishReason: "content_filter" })],
  ["empty", (call) => call.end()],
  ["that failed", (call) => call.say("x", new ModelError("model_interrupted", "gone"))],
];
for (const [name, last] of notKept) {
  test(`an answer ${name} is not kept, and the next request asks anew`, async () => {
    const { model, cache, shared } = setUp();
    const first = read(shared, askOf("ada"));
    await settle();
    last(model.last());
    await first.done;
    await settle();
    expect(cache.entries.size).toBe(0);
    const second = read(shared, askOf("ada"));
    await settle();
    expect(model.calls).toHaveLength(2);
    second.leave();
    await second.done;
  });
}

test("a failure of the model is told to everyone, after what came", async () => {
  const { model, shared } = setUp();
  const readers = [read(shared, askOf("ada")), read(shared, askOf("ada"))];
  await settle();
  const failure = new ModelError("model_interrupted", "gone");
  model.last().say("begun", failure);
  for (const { reader, done } of readers) {
    expect(await done).toBe(failure);
    expect(reader.text).toBe("begun");
  }
});

test("who asks again in the moment of a failure asks anew", async () => {
  const { model, shared } = setUp();
  const first = read(shared, askOf("ada"));
  const again = first.done.then(() => read(shared, askOf("ada")));
  await settle();
  model.last().say(new ModelError("model_unreachable", "gone"));
  const second = await again;
  await settle();
  expect(model.calls).toHaveLength(2);
  model.last().say("now");
  model.last().end();
  expect(await second.done).toBe("done");
});

test("one who leaves takes nobody along; the last one takes the model", async () => {
  const { model, shared } = setUp();
  const readers = [read(shared, askOf("ada")), read(shared, askOf("ada"))];
  await settle();
  model.last().say("some");
  await settle();
  readers[0]?.leave();
  expect(await readers[0]?.done).toEqual(new Error("left"));
  expect(model.last().signal.aborted).toBe(false);
  model.last().say(" more");
  await settle();
  expect(readers[1]?.reader.text).toBe("some more");
  readers[1]?.leave();
  await readers[1]?.done;
  expect(model.last().signal.aborted).toBe(true);
});

test("a request after the last reader left begins a new one", async () => {
  const { model, cache, shared } = setUp();
  const first = read(shared, askOf("ada"));
  await settle();
  model.last().say("half");
  first.leave();
  await first.done;
  const second = read(shared, askOf("ada"));
  await settle();
  expect(model.calls).toHaveLength(2);
  model.last().say("whole");
  model.last().end();
  await second.done;
  expect(second.reader.text).toBe("whole");
  expect([...cache.entries.values()].map(({ text }) => text)).toEqual(["whole"]);
});

test("who leaves while the cache is asked has not asked the model", async () => {
  const { model, cache, shared } = setUp();
  const gate = Promise.withResolvers<undefined>();
  cache.get = () => gate.promise;
  const first = read(shared, askOf("ada"));
  first.leave();
  await first.done;
  gate.resolve(undefined);
  await settle();
  expect(model.calls).toHaveLength(0);
});

test("a cache that fails is as good as none", async () => {
  const { model, cache, shared } = setUp();
  cache.get = () => Promise.reject(new Error("no"));
  cache.set = () => Promise.reject(new Error("no"));
  const first = read(shared, askOf("ada"));
  await settle();
  model.last().say("x");
  model.last().end();
  expect(await first.done).toBe("done");
});

test("a fresh request joins nothing, is not answered from the cache, and takes its place", async () => {
  const { model, cache, shared } = setUp();
  const old = read(shared, askOf("ada"));
  await settle();
  model.last().say("old");
  const fresh = () => read(shared, askOf("ada", { share: { owner: "ada", fresh: true } }));
  const first = fresh();
  await settle();
  expect(model.calls).toHaveLength(2);
  model.calls[0]?.end();
  await old.done;
  const second = fresh();
  await settle();
  expect(model.calls).toHaveLength(3);
  model.calls[1]?.say("new");
  model.calls[1]?.end();
  await first.done;
  model.calls[2]?.say("newest");
  model.calls[2]?.end();
  await second.done;
  expect([...cache.entries.values()].map(({ text }) => text)).toEqual(["newest"]);
});

test("a slow reader holds up nobody, and catches up in few deltas", async () => {
  const { model, shared } = setUp();
  const quick = read(shared, askOf("ada"));
  await settle();
  const asked = shared.stream(askOf("ada"), new AbortController().signal);
  const slow = asked[Symbol.asyncIterator]();
  model.last().say("0");
  await slow.next();
  for (let i = 1; i < 1000; i++) model.last().say("x");
  model.last().end();
  await quick.done;
  const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => slow });
  expect(rest).toHaveLength(3);
  expect(rest[0]).toEqual({ type: "delta", text: "x".repeat(999) });
});
