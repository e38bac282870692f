import { expect, test } from "bun:test";
import type { Model, ModelEvent, ModelRequest } from "../models/model.ts";
import { AskedModel } from "./asked-model.ts";

const request: ModelRequest = { model: "m", messages: [], priority: "interactive" };
const end: ModelEvent = { type: "end", finishReason: "stop" };
const delta = (text: string): ModelEvent => ({ type: "delta", text });

/** A model that says what it is told to, and writes down how far it was read. */
function modelOf(...says: (ModelEvent | Error)[]) {
  const told = { asked: 0, read: 0, hasLeft: false };
  const model: Model = {
    async *stream(_, signal) {
      told.asked++;
      try {
        for (const event of says) {
          signal.throwIfAborted();
          if (event instanceof Error) throw event;
          told.read++;
          yield event;
        }
      } finally {
        told.hasLeft = true;
      }
    },
  };
  return { model, told };
}

const settle = () => Bun.sleep(0);

test("the model is asked at once, and read no further than its first event", async () => {
  const { model, told } = modelOf(delta("a"), delta("b"), end);
  const asked = new AskedModel(model, async () => request);
  await settle();
  expect(told).toEqual({ asked: 1, read: 1, hasLeft: false });
  expect(await Array.fromAsync(asked.events)).toEqual([delta("a"), delta("b"), end]);
  expect(told).toEqual({ asked: 1, read: 3, hasLeft: true });
});

test("an answer that is dropped is left, whether or not it has begun", async () => {
  const begun = modelOf(delta("a"), delta("b"));
  const asked = new AskedModel(begun.model, async () => request);
  await settle();
  asked.drop();
  await settle();
  expect(begun.told).toEqual({ asked: 1, read: 1, hasLeft: true });

  const waiting = modelOf(delta("a"));
  const ready = Promise.withResolvers<ModelRequest>();
  const early = new AskedModel(waiting.model, () => ready.promise);
  early.drop();
  ready.resolve(request);
  await settle();
  expect(waiting.told).toMatchObject({ read: 0 });
});

test("what fails before there is a reader is told to the reader", async () => {
  const { model } = modelOf(new Error("refused"));
  const asked = new AskedModel(model, async () => request);
  const unread = new AskedModel(model, async () => Promise.reject(new Error("no request")));
  await settle();
  await expect(Array.fromAsync(asked.events)).rejects.toThrow("refused");
  await expect(Array.fromAsync(unread.events)).rejects.toThrow("no request");
});

test("a reader that goes leaves the model", async () => {
  const { model, told } = modelOf(delta("a"), delta("b"), end);
  for await (const _ of new AskedModel(model, async () => request).events) break;
  expect(told).toEqual({ asked: 1, read: 1, hasLeft: true });
});
