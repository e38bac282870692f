import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { partBytes } from "@peregrine/cdn";
import type { FileBody, FileSweepsBody, UploadBody, UploadInfo } from "@peregrine/protocol";
import { SQL } from "bun";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

const maxBytes = 3 * partBytes;
let server: TestServer;
let ada: TestUser;
let sql: SQL;

beforeAll(async () => {
  server = await startTestServer({ MAX_UPLOAD_BYTES: String(maxBytes) });
  sql = new SQL({ url: server.databaseUrl, max: 1 });
  // The first account is the administrator's.
  ada = await TestUser.register(server);
});
afterAll(async () => {
  await sql.close();
  await server.stop();
});
beforeEach(() => expect(scratch()).toEqual([]));

/** What waits on the disk, for however short a time. */
const scratch = () => readdirSync(join(server.dataDirectory, "uploads"));
/** What is kept of uploads that are not finished. */
const unfinished = () => readdirSync(join(server.dataDirectory, "files/.unfinished"));

/** Bytes of which no two parts are the same. */
function content(sizeBytes: number, seed = 1): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(sizeBytes);
  for (let i = 0; i < sizeBytes; i += 97) bytes[i] = (i * seed) >> 6;
  return bytes;
}
const partOf = (bytes: Buffer<ArrayBuffer>, number: number) =>
  bytes.subarray((number - 1) * partBytes, number * partBytes);
const digest = (bytes: Uint8Array) =>
  `sha-256=:${new Bun.CryptoHasher("sha256").update(bytes).digest("base64")}:`;

async function begin(sizeBytes: number, name = "large.bin", user = ada): Promise<UploadInfo> {
  const body = { json: { name, sizeBytes } };
  return (await user.json<UploadBody>("/api/v1/uploads", body)).upload;
}
const state = async (id: string) => (await ada.json<UploadBody>(`/api/v1/uploads/${id}`)).upload;
function put(id: string, number: number | string, bytes: Uint8Array<ArrayBuffer>, user = ada) {
  const headers = { "content-digest": digest(bytes) };
  return user.fetch(`/api/v1/uploads/${id}/parts/${number}`, {
    method: "PUT",
    headers,
    body: bytes,
  });
}
async function complete(id: string): Promise<FileBody["file"]> {
  const path = `/api/v1/uploads/${id}/complete`;
  return (await ada.json<FileBody>(path, { method: "POST" })).file;
}
const code = async (response: Response) => {
  const { error } = (await response.json()) as { error: { code: string; field?: string } };
  return [response.status, error.code, error.field];
};

test("parts that came in any order make one file, known by what is in it", async () => {
  const bytes = content(2 * partBytes + 77);
  const upload = await begin(bytes.byteLength, "report.txt");
  expect(upload).toMatchObject({ partBytes, partsDone: [], isDirect: false });
  for (const number of [3, 1])
    expect((await put(upload.id, number, partOf(bytes, number))).status).toBe(204);
  expect((await state(upload.id)).partsDone).toEqual([1, 3]);
  const early = await ada.fetch(`/api/v1/uploads/${upload.id}/complete`, { method: "POST" });
  expect(await code(early)).toEqual([409, "upload_incomplete", undefined]);
  expect((await ada.fetch(`/api/v1/files/${upload.id}`)).status).toBe(404);
  await put(upload.id, 2, partOf(bytes, 2));
  const file = await complete(upload.id);
  expect(file).toMatchObject({
    id: upload.id,
    name: "report.txt",
    mediaType: "application/octet-stream",
    sizeBytes: bytes.byteLength,
    visibility: "private",
  });
  const back = await ada.fetch(`/api/v1/files/${file.id}/content`);
  expect(Bun.hash(await back.bytes())).toBe(Bun.hash(bytes));
  // Who did not hear the answer asks again, and hears the same.
  expect(await complete(upload.id)).toEqual(file);
  expect((await ada.fetch(`/api/v1/uploads/${upload.id}`)).status).toBe(404);
  expect(unfinished()).toEqual([]);
});

test("the text of a file that came in parts is read, as far as it is kept", async () => {
  const text = Buffer.from(`falcons dive ${"x".repeat(partBytes)}`);
  const upload = await begin(text.byteLength, "notes.md");
  for (const number of [1, 2]) await put(upload.id, number, partOf(text, number));
  expect(await complete(upload.id)).toMatchObject({ mediaType: "text/markdown", hasText: true });
  const [row] = await sql`select left(content, 12) as start, metadata from documents
    where file_id = ${upload.id}`;
  expect(row).toEqual({ start: "falcons dive", metadata: { isCut: true } });
});

test("a part that is cut off leaves nothing, and the upload goes on with the last good part", async () => {
  const bytes = content(2 * partBytes, 3);
  const upload = await begin(bytes.byteLength);
  await put(upload.id, 1, partOf(bytes, 1));
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `PUT /api/v1/uploads/${upload.id}/parts/2 HTTP/1.1\r\nHost: ${hostname}:${port}\r\nCookie: ${ada.cookie}\r\nContent-Digest: ${digest(partOf(bytes, 2))}\r\nContent-Length: ${partBytes}\r\n\r\n`,
  );
  socket.write(partOf(bytes, 2).subarray(0, partBytes / 2));
  await until(() => scratch().length > 0, "the part to begin");
  socket.destroy();
  await until(() => scratch().length === 0, "the part to be gone");
  await server.restart();
  expect((await state(upload.id)).partsDone).toEqual([1]);
  await put(upload.id, 2, partOf(bytes, 2));
  const back = await ada.fetch(`/api/v1/files/${(await complete(upload.id)).id}/content`);
  expect(Bun.hash(await back.bytes())).toBe(Bun.hash(bytes));
});

test("a part with other bytes than it says, more, fewer, or none of this file's is refused", async () => {
  const bytes = content(partBytes + 10);
  const { id } = await begin(bytes.byteLength);
  const send = (number: number, body: Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
    ada.fetch(`/api/v1/uploads/${id}/parts/${number}`, { method: "PUT", body, headers });
  const right = { "content-digest": digest(partOf(bytes, 2)) };
  const wrong = { "content-digest": digest(Buffer.from("other")) };
  const [missing, other] = [
    await send(2, partOf(bytes, 2), {}),
    await send(2, partOf(bytes, 2), wrong),
  ];
  expect(await code(missing)).toEqual([400, "invalid_request", "Content-Digest"]);
  expect(await code(other)).toEqual([400, "invalid_request", "Content-Digest"]);
  expect(await code(await send(2, content(11), right))).toEqual([
    413,
    "payload_too_large",
    undefined,
  ]);
  expect(await code(await send(2, content(9), right))).toEqual([400, "invalid_request", undefined]);
  expect(await code(await put(id, 3, partOf(bytes, 2)))).toEqual([
    400,
    "invalid_request",
    "number",
  ]);
  for (const number of ["0", "-1", "1e3", "%00", "999999"]) {
    const { status } = await put(id, number, partOf(bytes, 2));
    expect([number, [400, 404].includes(status)]).toEqual([number, true]);
  }
  expect((await state(id)).partsDone).toEqual([]);
  await ada.fetch(`/api/v1/uploads/${id}`, { method: "DELETE" });
});

test("what may not be uploaded at once may not be in parts either", async () => {
  const refused = (json: object) => ada.error("/api/v1/uploads", { json });
  expect(await refused({ name: "a", sizeBytes: maxBytes + 1 })).toMatchObject({
    status: 413,
    code: "payload_too_large",
  });
  for (const name of ["../a", "a\u202eb", "", "a\u0000b", "x".repeat(4096)]) {
    expect(await refused({ name, sizeBytes: 1 })).toMatchObject({ status: 400 });
  }
  for (const sizeBytes of [0, -1, 1.5, "1", null]) {
    expect(await refused({ name: "a", sizeBytes })).toMatchObject({ status: 400 });
  }
  expect(await refused({ name: "a", sizeBytes: 1, hash: "x" })).toMatchObject({ status: 400 });
  // Signed addresses are for stores that others reach.
  const { id } = await begin(5);
  const sha256 = Buffer.alloc(32).toString("base64");
  const sign = { method: "POST", json: { sha256 } };
  expect(await ada.error(`/api/v1/uploads/${id}/parts/1`, sign)).toMatchObject({ status: 400 });
  await ada.fetch(`/api/v1/uploads/${id}`, { method: "DELETE" });
});

test("an upload is its owner's alone, and each has a bounded number of them", async () => {
  const bob = await TestUser.register(server);
  const mine = await begin(5);
  expect((await bob.fetch(`/api/v1/uploads/${mine.id}`)).status).toBe(404);
  expect((await put(mine.id, 1, content(5), bob)).status).toBe(404);
  expect((await bob.fetch(`/api/v1/uploads/${mine.id}`, { method: "DELETE" })).status).toBe(404);
  const finish = { method: "POST" };
  expect((await bob.fetch(`/api/v1/uploads/${mine.id}/complete`, finish)).status).toBe(404);
  await ada.fetch(`/api/v1/uploads/${mine.id}`, { method: "DELETE" });
  expect((await ada.fetch(`/api/v1/uploads/${mine.id}`)).status).toBe(404);

  const theirs = [];
  for (let i = 0; i < 20; i++) theirs.push(await begin(5, `${i}.txt`, bob));
  const more = { json: { name: "more", sizeBytes: 5 } };
  expect(await bob.error("/api/v1/uploads", more)).toMatchObject({ code: "limit_reached" });
  for (const { id } of theirs) await bob.fetch(`/api/v1/uploads/${id}`, { method: "DELETE" });
  expect(unfinished()).toEqual([]);
});

test("the same content again shares the object that is there", async () => {
  const bytes = content(100_000, 5);
  const objects = () =>
    readdirSync(join(server.dataDirectory, "files/files"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  const before = objects();
  const ids = [];
  for (const name of ["one.bin", "two.bin"]) {
    const { id } = await begin(bytes.byteLength, name);
    await put(id, 1, bytes);
    ids.push((await complete(id)).id);
  }
  const [one, two] = ids;
  expect(objects().filter((name) => !before.includes(name))).toContain(one as string);
  const [shared] = await sql`select count(distinct object_key)::int as keys from files
    where id in (${one}, ${two})`;
  expect(shared).toEqual({ keys: 1 });
});

test("an upload that nobody goes on with is given up and swept, by one server once", async () => {
  const { id } = await begin(partBytes + 5);
  await put(id, 1, content(partBytes));
  expect(unfinished()).toHaveLength(1);
  await sql`update uploads set expires_at = now() where id = ${id}`;
  expect((await put(id, 2, content(5))).status).toBe(404);
  const swept = await ada.json<FileSweepsBody>("/api/v1/file-sweeps", { method: "POST" });
  expect(swept.leftOvers?.result).toMatchObject({ uploads: 1 });
  expect(unfinished()).toEqual([]);
  expect(await sql`select id from uploads where id = ${id}`).toHaveLength(0);
});

test("a server that dies when the parts are together is followed by another", async () => {
  const bytes = content(partBytes + 1000, 7);
  const { id } = await begin(bytes.byteLength);
  for (const number of [1, 2]) await put(id, number, partOf(bytes, number));
  // As it is left then: the parts are the object, announced, and nothing more is known of it.
  const [row] = await sql`select object_key from uploads where id = ${id}`;
  const target = join(server.dataDirectory, "files", row.object_key);
  const folder = join(
    server.dataDirectory,
    "files/.unfinished",
    row.object_key.replaceAll("/", "+"),
  );
  await Bun.write(target, Bun.file(join(folder, "data")));
  await Bun.$`rm -r ${folder}`.quiet();
  await sql`insert into file_removals (id, object_key, due_at)
    values (${id}, ${row.object_key}, now() + interval '1 hour')`;
  await sql`update uploads set checking_until = now() + interval '1 hour' where id = ${id}`;
  // While that server may still be at it, who asks is told to ask again.
  const waiting = await ada.fetch(`/api/v1/uploads/${id}/complete`, { method: "POST" });
  expect([waiting.status, waiting.headers.get("retry-after")]).toEqual([202, "1"]);
  await sql`update uploads set checking_until = now() where id = ${id}`;
  const file = await complete(id);
  expect(file.sizeBytes).toBe(bytes.byteLength);
  expect(existsSync(target)).toBe(true);
  expect(await sql`select id from file_removals where id = ${id}`).toHaveLength(0);
});
