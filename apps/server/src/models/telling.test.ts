import { afterAll, describe, expect, test } from "bun:test";
import { startModelServer } from "@peregrine/e2e/model-server";
import { demonstrationModel } from "./demonstration-model.ts";
import type { ModelEvent, ModelRequest } from "./model.ts";
import { ModelError } from "./model-error.ts";
import { parseModelServers } from "./model-server-list.ts";
import { openModelServers } from "./model-servers.ts";

const modelServer = startModelServer();
const served = openModelServers({ servers: parseModelServers(modelServer.url) });
const demonstration = demonstrationModel({ tokensPerSecond: Number.POSITIVE_INFINITY });
const never = new AbortController().signal;

afterAll(() => {
  served.close();
  modelServer.stop();
});

/** A question that two look on at, and what each was told. */
function watched(content: string) {
  const told: { events: ModelEvent[]; overs: unknown[] }[] = [];
  const watchers = [0, 1].map((i) => {
    const one = { events: [] as ModelEvent[], overs: [] as unknown[] };
    told[i] = one;
    return {
      onEvent: (event: ModelEvent) => void one.events.push(event),
      onOver: (error?: unknown) => void one.overs.push(error),
    };
  });
  const messages = [{ role: "user" as const, content }];
  const request: ModelRequest = { model: "test", messages, priority: "interactive", watchers };
  return { request, told };
}

describe.each([
  ["model servers", served],
  ["the demonstration", demonstration],
])("%s tell who looks on", (_, model) => {
  test("of each event as it is given, and then once that it is over", async () => {
    const { request, told } = watched("{{tokens=5}}");
    const events = await Array.fromAsync(model.stream(request, never));
    expect(events.at(-1)?.type).toBe("end");
    for (const one of told) expect(one).toEqual({ events, overs: [undefined] });
  });

  test("once that the reader has left", async () => {
    const { request, told } = watched("{{tokens=5}}");
    for await (const _event of model.stream(request, never)) break;
    for (const { events, overs } of told) {
      expect(events).toHaveLength(1);
      expect(overs).toEqual([undefined]);
    }
  });

  test("once that it was stopped, and by what", async () => {
    const { request, told } = watched("{{tokens=5}}");
    const stopped = new Error("stopped by a person");
    const reading = Array.fromAsync(model.stream(request, AbortSignal.abort(stopped)));
    expect(await reading.catch((error: unknown) => error)).toBe(stopped);
    for (const { overs } of told) expect(overs).toEqual([stopped]);
  });
});

test("a model server that fails is told once, with its error", async () => {
  const { request, told } = watched("{{status=500}}");
  const error = await Array.fromAsync(served.stream(request, never)).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ModelError);
  for (const one of told) expect(one).toEqual({ events: [], overs: [error] });
});
