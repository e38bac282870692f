import { afterAll, beforeAll, expect, test } from "bun:test";
import { ownCaches } from "@peregrine/cdn";
import {
  startTaggedOrigin,
  startVarnish,
  type TaggedOrigin,
  type Varnish,
} from "@peregrine/cdn/testing";
import type { Edge } from "../edge.ts";
import { startTestEdge } from "../testing/test-edge.ts";

/** A real Varnish, with the configuration that we give to administrators, before a door with its cache. */
let origin: TaggedOrigin;
let edge: Edge;
let varnish: Varnish;

beforeAll(async () => {
  origin = startTaggedOrigin();
  edge = await startTestEdge({ urls: [`http://127.0.0.1:${origin.port}`] });
  varnish = await startVarnish(Number(new URL(edge.url).port));
}, 60_000);

afterAll(async () => {
  await varnish?.stop();
  await edge?.stop();
  await origin?.stop();
});

const get = (path: string) => fetch(varnish.url + path, { headers: { cookie: "a=b" } });

test("Varnish gets the tags from the door and keeps them from clients", async () => {
  const response = await get("/cdn/file-1");
  expect(await response.text()).toStartWith("/cdn/file-1");
  expect(response.headers.get("surrogate-key")).toBeNull();
  // It says by which of the two a response was found.
  expect((await get("/cdn/file-1")).headers.get("x-varnish")).toMatch(/^\d+ \d+$/);
});

test("one purge reaches both, and the other files stay in both", async () => {
  const texts = async () =>
    Promise.all(["/cdn/file-2", "/cdn/file-3"].map(async (path) => (await get(path)).text()));
  const before = await texts();
  expect(await texts()).toEqual(before);
  const network = ownCaches([edge.adminUrl, varnish.url]);
  expect(await network.purge([{ path: "/cdn/file-2", tag: "file-2" }], { reference: "r" })).toBe(
    "done",
  );
  const after = await texts();
  expect(after.map((text, i) => text === before[i])).toEqual([false, true]);
});

test("while the door is away, the purge is not through, and Varnish is asked all the same", async () => {
  const path = "/cdn/file-4";
  const before = await (await get(path)).text();
  const network = ownCaches(["http://127.0.0.1:1", edge.adminUrl, varnish.url]);
  const purged = network.purge([{ path, tag: "file-4" }], { reference: "r" });
  await expect(purged).rejects.toMatchObject({ code: "unavailable", retryable: true });
  expect(await (await get(path)).text()).not.toBe(before);
});

test("what is private passes both and stays in neither", async () => {
  const first = await (await get("/api/v1/me")).text();
  expect(await (await get("/api/v1/me")).text()).not.toBe(first);
});
