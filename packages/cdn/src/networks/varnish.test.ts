import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTaggedOrigin, type TaggedOrigin } from "../testing/start-tagged-origin.ts";
import { startVarnish, type Varnish } from "../testing/start-varnish.ts";
import { ownCaches } from "./own-caches.ts";

/** A real Varnish with the configuration that we give to administrators. */
let origin: TaggedOrigin;
let varnish: Varnish;
let url: string;

beforeAll(async () => {
  origin = startTaggedOrigin();
  varnish = await startVarnish(origin.port);
  url = varnish.url;
}, 60_000);

afterAll(async () => {
  await varnish.stop();
  await origin.stop();
});

const get = async (path: string) =>
  (await fetch(url + path, { headers: { cookie: "a=b" } })).text();

test("a purge removes what carries a tag, and nothing else", async () => {
  const [one, two] = [await get("/cdn/file-1"), await get("/cdn/file-2")];
  expect([await get("/cdn/file-1"), await get("/cdn/file-2")]).toEqual([one, two]);
  const network = ownCaches([url]);
  await network.purge([{ path: "/cdn/file-1", tag: "file-1" }], { reference: "r" });
  expect(await get("/cdn/file-1")).not.toBe(one);
  expect(await get("/cdn/file-2")).toBe(two);
});

test("a tag is a whole word, and several are purged at once", async () => {
  const paths = ["/cdn/file-3", "/cdn/file-33", "/cdn/my-file-3", "/cdn/file-4"];
  const before = await Promise.all(paths.map(get));
  const items = ["file-3", "file-4"].map((tag) => ({ path: `/cdn/${tag}`, tag }));
  await ownCaches([url]).purge(items, { reference: "r" });
  const after = await Promise.all(paths.map(get));
  expect(after.map((text, i) => text === before[i])).toEqual([false, true, true, false]);
});

test("what is private is not kept, and tags do not reach a client", async () => {
  expect(await get("/api/v1/me")).not.toBe(await get("/api/v1/me"));
  const response = await fetch(`${url}/cdn/file-5`);
  expect(response.headers.get("surrogate-key")).toBeNull();
});

test("a purge that names no tag is refused", async () => {
  for (const tags of ["", ".*", "a|b", "a  b"]) {
    const headers = { "surrogate-key": tags };
    expect((await fetch(`${url}/`, { method: "PURGE", headers })).status).toBe(400);
  }
});
