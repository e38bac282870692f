import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { partBytes } from "@peregrine/cdn";
import { openS3Store } from "@peregrine/cdn/aws";
import { type ObjectStore, startObjectStore } from "@peregrine/cdn/testing";
import type { FileBody, SignedPartBody, UploadBody } from "@peregrine/protocol";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

/** The whole way with a real S3 server behind it. */
let objects: ObjectStore;
let server: TestServer;
let ada: TestUser;

beforeAll(async () => {
  objects = await startObjectStore();
  server = await startTestServer({ ...objects.environment, S3_DIRECT_UPLOADS: "true" });
  ada = await TestUser.register(server);
}, 90_000);
afterAll(async () => {
  await server.stop();
  await objects.stop();
});

async function upload(bytes: Uint8Array<ArrayBuffer>) {
  const body = new FormData();
  body.append("file", new File([bytes], "a.bin"));
  return ada.fetch("/api/v1/files", { method: "POST", body });
}

test("a file of several parts goes to the bucket, comes back in ranges, and goes away", async () => {
  const bytes = new Uint8Array(12 * 1024 * 1024);
  for (let i = 0; i < bytes.length; i++) bytes[i] = i * 7;
  const { file } = (await (await upload(bytes)).json()) as FileBody;
  const path = `/api/v1/files/${file.id}/content`;
  const whole = await ada.fetch(path);
  expect(Bun.hash(await whole.bytes())).toBe(Bun.hash(bytes));
  const part = await ada.fetch(path, { headers: { range: "bytes=9000000-9000009" } });
  expect(part.status).toBe(206);
  expect(await part.bytes()).toEqual(bytes.slice(9_000_000, 9_000_010));

  const store = openS3Store(objects.options);
  const keys = async () => (await Array.fromAsync(store.list("files/"))).length;
  expect(await keys()).toBe(1);
  await ada.fetch(`/api/v1/files/${file.id}`, { method: "DELETE" });
  await until(async () => (await keys()) === 0, "the object to be removed");
  store.close();
});

test("`cdn sync` puts the built assets into the bucket, and says what it does", async () => {
  const run = async (...args: string[]) => {
    const command = Bun.spawn(
      [process.execPath, join(import.meta.dirname, "../cdn/main.ts"), ...args],
      {
        env: objects.environment,
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const [out, err] = await Promise.all([
      new Response(command.stdout).text(),
      new Response(command.stderr).text(),
    ]);
    return { out, err, code: await command.exited };
  };
  const first = await run("sync");
  expect([first.err, first.code]).toEqual(["", 0]);
  expect(first.out).toMatch(/^1\/\d+ {2}stored {3}assets\//);
  const again = await run("sync");
  expect(again.out).toContain("present  assets/");
  expect(again.out).toEndWith("0 assets stored, 0 bytes\n");
  expect(await run("snyc")).toMatchObject({ code: 1, err: expect.stringContaining("usage:") });

  const store = openS3Store(objects.options);
  const [asset] = await Array.fromAsync(store.list("assets/"));
  expect(asset?.sizeBytes).toBeGreaterThan(0);
  store.close();
});

/** Sends a part to the bucket, as the address allows. */
async function sendDirect(id: string, number: number, part: Uint8Array<ArrayBuffer>) {
  const sha256 = new Bun.CryptoHasher("sha256").update(part).digest("base64");
  const signed = await ada.json<SignedPartBody>(`/api/v1/uploads/${id}/parts/${number}`, {
    method: "POST",
    json: { sha256 },
  });
  expect(signed.url).toStartWith(`${objects.options.endpoint}/`);
  return (body: Uint8Array<ArrayBuffer>) =>
    fetch(signed.url, { method: "PUT", headers: signed.headers, body });
}

test("parts go straight to the bucket, or through the server, and the file is what came", async () => {
  const store = openS3Store(objects.options);
  const objectsBefore = (await Array.fromAsync(store.list("files/"))).length;
  const bytes = Buffer.alloc(2 * partBytes + 100, "falcon ");
  const partAt = (number: number) => bytes.subarray((number - 1) * partBytes, number * partBytes);
  const body = { json: { name: "falcons.md", sizeBytes: bytes.byteLength } };
  const { upload } = await ada.json<UploadBody>("/api/v1/uploads", body);
  expect(upload.isDirect).toBe(true);

  const send = await sendDirect(upload.id, 1, partAt(1));
  const other = Buffer.from(partAt(1));
  other[5] = 0;
  expect((await send(other)).status).toBe(400);
  expect((await send(Buffer.concat([other, other]))).status).toBe(403);
  expect((await send(partAt(1))).status).toBe(200);
  const digest = new Bun.CryptoHasher("sha256").update(partAt(2)).digest("base64");
  const through = await ada.fetch(`/api/v1/uploads/${upload.id}/parts/2`, {
    method: "PUT",
    headers: { "content-digest": `sha-256=:${digest}:` },
    body: partAt(2),
  });
  expect(through.status).toBe(204);
  const state = await ada.json<UploadBody>(`/api/v1/uploads/${upload.id}`);
  expect(state.upload.partsDone).toEqual([1, 2]);
  // Not there for anybody before it is whole and was looked at.
  expect((await Array.fromAsync(store.list("files/"))).length).toBe(objectsBefore);
  await (await sendDirect(upload.id, 3, partAt(3)))(partAt(3));
  const complete = { method: "POST" };
  const path = `/api/v1/uploads/${upload.id}/complete`;
  const { file } = await ada.json<FileBody>(path, complete);
  expect(file).toMatchObject({ mediaType: "text/markdown", hasText: true });
  const back = await ada.fetch(`/api/v1/files/${file.id}/content`);
  expect(Bun.hash(await back.bytes())).toBe(Bun.hash(bytes));
  // What was signed before changes nothing any more.
  expect((await send(partAt(1))).status).toBe(404);
  await ada.fetch(`/api/v1/files/${file.id}`, { method: "DELETE" });
  store.close();
});

test("an upload that is given up leaves no part in the bucket", async () => {
  const body = { json: { name: "a.bin", sizeBytes: partBytes + 1 } };
  const { upload } = await ada.json<UploadBody>("/api/v1/uploads", body);
  const part = Buffer.alloc(partBytes);
  expect((await (await sendDirect(upload.id, 1, part))(part)).status).toBe(200);
  expect(await objects.openUploads()).toBe(1);
  await ada.fetch(`/api/v1/uploads/${upload.id}`, { method: "DELETE" });
  expect(await objects.openUploads()).toBe(0);
});

test("while the store is down an upload says so, nothing is kept, and all else goes on", async () => {
  const kept = await upload(new Uint8Array([1, 2, 3]));
  const { file } = (await kept.json()) as FileBody;
  await objects.stop();
  const refused = await upload(new Uint8Array([4, 5, 6]));
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("5");
  expect(await refused.json()).toMatchObject({ error: { code: "files_unavailable" } });
  expect((await ada.fetch(`/api/v1/files/${file.id}/content`)).status).toBe(503);
  expect((await ada.fetch(`/api/v1/files/${file.id}`)).status).toBe(200);
  const inParts = { json: { name: "a.bin", sizeBytes: 5 } };
  expect(await ada.error("/api/v1/uploads", inParts)).toMatchObject({ code: "files_unavailable" });
  expect((await ada.fetch("/api/v1/conversations")).status).toBe(200);
}, 60_000);
