import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FileBody, FileInfo, FileRemovalsBody } from "@peregrine/protocol";
import { SQL } from "bun";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

/** A cache of one's own that notes what it is asked to purge, and can fail. */
let cache: ReturnType<typeof Bun.serve>;
const purges: string[] = [];
let failWith: number | undefined;
let server: TestServer;
let ada: TestUser;
let bob: TestUser;

beforeAll(async () => {
  cache = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      if (failWith !== undefined) return new Response("no", { status: failWith });
      purges.push(...(request.headers.get("surrogate-key") ?? "").split(" "));
      return new Response("purged");
    },
  });
  server = await startTestServer({ CDN_PURGE_URLS: cache.url.origin });
  ada = await TestUser.register(server);
  bob = await TestUser.register(server);
});
afterAll(async () => {
  await server.stop();
  await cache.stop(true);
});

async function upload(user: TestUser, content: string, name = "a.txt"): Promise<FileInfo> {
  const body = new FormData();
  body.append("file", new File([content], name));
  return (await user.json<FileBody>("/api/v1/files", { method: "POST", body })).file;
}
const show = async (user: TestUser, { id }: FileInfo, visibility: string) =>
  (await user.json<FileBody>(`/api/v1/files/${id}`, { method: "PATCH", json: { visibility } }))
    .file;
const hashOf = (content: string) => new Bun.CryptoHasher("sha256").update(content).digest("hex");
/** As a stranger asks. */
const ask = (path: string, headers: Record<string, string> = {}) =>
  fetch(server.url + path, { headers });

test("a file is everybody's from when its owner says so until they take it back", async () => {
  const file = await upload(ada, "for all", "for all.txt");
  const path = `/cdn/public/${hashOf("for all")}`;
  expect([file.visibility, file.publicUrl]).toEqual(["private", null]);
  expect((await ask(path)).status).toBe(404);

  expect(await show(ada, file, "public")).toEqual({
    ...file,
    visibility: "public",
    publicUrl: path,
  });
  expect((await ada.json<FileBody>(`/api/v1/files/${file.id}`)).file.publicUrl).toBe(path);
  const response = await ask(path);
  expect([response.status, await response.text()]).toEqual([200, "for all"]);
  const header = (name: string) => response.headers.get(name);
  expect(header("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(header("surrogate-key")).toBe(`public-${hashOf("for all")} file-${file.id}`);
  expect(header("content-disposition")).toContain('filename="for all.txt"');
  expect(header("set-cookie")).toBeNull();
  expect(header("vary")).toBeNull();
  expect(header("server-timing")).toContain("total;dur=");
  const etag = header("etag") ?? "";
  expect((await ask(path, { "if-none-match": etag })).status).toBe(304);
  const part = await ask(path, { range: "bytes=0-2" });
  expect([part.status, await part.text()]).toEqual([206, "for"]);
  // The file itself is still asked for by its owner alone.
  expect((await ask(`/api/v1/files/${file.id}/content`)).status).toBe(401);
  expect((await bob.fetch(`/api/v1/files/${file.id}`)).status).toBe(404);

  purges.length = 0;
  expect(await show(ada, file, "private")).toEqual(file);
  expect((await ask(path)).status).toBe(404);
  await until(() => purges.includes(`public-${hashOf("for all")}`), "the purge");
  expect(purges).toContain(`file-${file.id}`);
});

test("what can hold a script runs nowhere, also where everybody may have it", async () => {
  for (const content of [
    "<!doctype html><script>alert(1)</script>",
    "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "%PDF-1.4 /JavaScript",
  ]) {
    const file = await show(ada, await upload(ada, content, "page.txt"), "public");
    const response = await ask(file.publicUrl ?? "");
    const header = (name: string) => response.headers.get(name);
    expect(response.status).toBe(200);
    expect(header("content-type")).toBe("application/octet-stream");
    expect(header("content-disposition")).toStartWith("attachment");
    expect(header("content-security-policy")).toBe(
      "default-src 'none'; sandbox; frame-ancestors 'none'",
    );
    expect(header("x-content-type-options")).toBe("nosniff");
  }
});

test("of two owners who made the same content public, one can take it back for themselves", async () => {
  const files = [await upload(ada, "ours"), await upload(bob, "ours")] as const;
  const path = `/cdn/public/${hashOf("ours")}`;
  await show(ada, files[0], "public");
  await show(bob, files[1], "public");
  await show(ada, files[0], "private");
  expect(await (await ask(path)).text()).toBe("ours");
  await bob.fetch(`/api/v1/files/${files[1].id}`, { method: "DELETE" });
  expect((await ask(path)).status).toBe(404);
  const mine = await ada.fetch(`/api/v1/files/${files[0].id}/content`);
  expect(await mine.text()).toBe("ours");
});

test("caches are told twice, so that an answer that overtook the first purge goes too", async () => {
  const sql = new SQL({ url: server.databaseUrl, max: 1 });
  const file = await show(ada, await upload(ada, "overtaking"), "public");
  await show(ada, file, "private");
  const tag = `public-${hashOf("overtaking")}`;
  const told = () => purges.filter((purge) => purge === tag).length;
  await until(() => told() === 1, "the first purge");
  const second = () =>
    sql`select due_at > now() as later from file_removals where file_id = ${file.id} and batch is null`;
  await until(async () => (await second()).length === 1, "the second to be planned");
  expect(await second()).toEqual([{ later: true }]);
  await sql`update file_removals set due_at = now() where file_id = ${file.id}`;
  await until(() => told() === 2, "the second purge");
  await until(async () => (await second()).length === 0, "the removal to be through");
  expect(told()).toBe(2);
  // The content itself is still there.
  expect(await (await ada.fetch(`/api/v1/files/${file.id}/content`)).text()).toBe("overtaking");
  await sql.close();
});

test("a purge that fails is seen, and tried again until it is through", async () => {
  const file = await show(ada, await upload(ada, "stubborn"), "public");
  const removals = async () => (await ada.json<FileRemovalsBody>("/api/v1/file-removals")).removals;
  await until(async () => (await removals()).waiting === 0, "what was before");
  failWith = 503;
  await show(ada, file, "private");
  await until(async () => (await removals()).failing === 1, "the failure to be seen");
  expect((await removals()).lastError).toContain("answered a purge with 503");
  failWith = undefined;
  await until(() => purges.includes(`public-${hashOf("stubborn")}`), "the purge");
  await until(async () => (await removals()).waiting === 0, "the removal to be through");
});

test("only an owner changes who may have a file, and only to what there is", async () => {
  const file = await upload(ada, "mine");
  const patch = (json: object, user = ada) =>
    user.error(`/api/v1/files/${file.id}`, { method: "PATCH", json });
  expect(await patch({ visibility: "public" }, bob)).toMatchObject({ status: 404 });
  for (const json of [{}, { visibility: "everyone" }, { visibility: "public", name: "x" }]) {
    expect(await patch(json)).toMatchObject({ status: 400, code: "invalid_request" });
  }
  for (const hash of ["x", "a%2F..", hashOf("mine").toUpperCase(), `${hashOf("mine")}0`]) {
    expect([hash, (await ask(`/cdn/public/${hash}`)).status]).toEqual([hash, 404]);
  }
});
