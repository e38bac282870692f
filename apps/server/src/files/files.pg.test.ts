import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { FileBody, FileInfo } from "@peregrine/protocol";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

const maxBytes = 5_000_000;
let server: TestServer;
let ada: TestUser;

beforeAll(async () => {
  server = await startTestServer({ MAX_UPLOAD_BYTES: String(maxBytes) });
  ada = await TestUser.register(server);
});
afterAll(() => server.stop());

function form(content: string | Uint8Array<ArrayBuffer>, name: string): FormData {
  const data = new FormData();
  data.append("file", new File([content], name, { type: "application/x-lie" }));
  return data;
}
async function upload(content: string | Uint8Array<ArrayBuffer>, name = "a.txt", user = ada) {
  const init = { method: "POST", body: form(content, name) };
  return (await user.json<FileBody>("/api/v1/files", init)).file;
}
/** A multipart form as it is sent, byte for byte. */
function rawForm(disposition: string, content = "hello") {
  return {
    method: "POST",
    headers: { "content-type": "multipart/form-data; boundary=x" },
    body: `--x\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n--x--\r\n`,
  };
}
const contentOf = (file: FileInfo, headers: Record<string, string> = {}, user = ada) =>
  user.fetch(`/api/v1/files/${file.id}/content`, { headers, redirect: "manual" });
/** Objects in the store, and uploads that wait. */
function kept(): { objects: string[]; waiting: string[] } {
  const files = readdirSync(join(server.dataDirectory, "files"), {
    recursive: true,
    withFileTypes: true,
  });
  return {
    objects: files.filter((entry) => entry.isFile()).map(({ name }) => name),
    waiting: readdirSync(join(server.dataDirectory, "uploads")),
  };
}

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
) as Buffer<ArrayBuffer>;

test("a file comes back as it went, known by its content", async () => {
  const file = await upload(png, "holiday.txt");
  expect(file).toMatchObject({
    name: "holiday.txt",
    mediaType: "image/png",
    sizeBytes: png.byteLength,
    hasText: false,
  });
  expect((await ada.json<FileBody>(`/api/v1/files/${file.id}`)).file).toEqual(file);
  const response = await contentOf(file);
  expect(response.status).toBe(200);
  expect(await response.bytes()).toEqual(new Uint8Array(png));
  const header = (name: string) => response.headers.get(name);
  expect(header("content-type")).toBe("image/png");
  expect(header("content-length")).toBe(String(png.byteLength));
  expect(header("cache-control")).toBe("private, max-age=31536000, immutable");
  expect(header("vary")).toBe("Authorization, Cookie");
  expect(header("x-content-type-options")).toBe("nosniff");
  expect(header("content-security-policy")).toContain("default-src 'none'; sandbox");
  await until(() => kept().waiting.length === 0, "the upload to be discarded");
});

test("what can hold a script is handed out to be saved, as bytes", async () => {
  const gifAndScript = "GIF89a=1;/*<script>alert(1)</script>*/";
  for (const [content, name, type, disposition] of [
    ["<html><script>alert(1)</script></html>", "a.txt", "application/octet-stream", "attachment"],
    ["<svg onload='alert(1)'/>", "a.png", "application/octet-stream", "attachment"],
    ["%PDF-1.4 broken", "a.html", "application/octet-stream", "attachment"],
    ["just <b>text", "a.html", "text/plain; charset=utf-8", "inline"],
    [gifAndScript, "a.js", "image/gif", "inline"],
  ]) {
    const response = await contentOf(await upload(content as string, name as string));
    expect(response.headers.get("content-type")).toBe(type as string);
    expect(response.headers.get("content-disposition")).toStartWith(`${disposition}; filename=`);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")).toContain("sandbox");
  }
});

test("a name in any script is kept, and told in ASCII too", async () => {
  const file = await upload("x", '報告 "1".txt');
  expect(file.name).toBe('報告 "1".txt');
  expect((await contentOf(file)).headers.get("content-disposition")).toBe(
    "inline; filename=\"__ _1_.txt\"; filename*=UTF-8''%E5%A0%B1%E5%91%8A%20%221%22.txt",
  );
});

test("a file is its owner's alone", async () => {
  const file = await upload("private");
  const other = await TestUser.register(server);
  const notFound = { status: 404, code: "not_found", field: undefined };
  expect(await other.error(`/api/v1/files/${file.id}`)).toEqual(notFound);
  expect(await other.error(`/api/v1/files/${file.id}/content`)).toEqual(notFound);
  expect(await other.error(`/api/v1/files/${file.id}`, { method: "DELETE" })).toEqual(notFound);
  expect((await fetch(`${server.url}/api/v1/files/${file.id}/content`)).status).toBe(401);
  expect(
    (await fetch(`${server.url}/api/v1/files`, rawForm('name="f"; filename="a"'))).status,
  ).toBe(401);
  const conversation = await other.newConversation();
  expect(
    await other.error(`/api/v1/conversations/${conversation.id}/messages`, {
      json: { content: "Read this", fileIds: [file.id] },
    }),
  ).toMatchObject({ status: 404, field: "fileIds" });
});

test("ranges, tags and HEAD work as RFC 9110 says", async () => {
  const file = await upload("0123456789", "digits.txt");
  const whole = await contentOf(file);
  const etag = whole.headers.get("etag") ?? "";
  const ask = async (headers: Record<string, string>) => {
    const response = await contentOf(file, headers);
    return [response.status, response.headers.get("content-range"), await response.text()];
  };
  expect(await ask({ range: "bytes=2-4" })).toEqual([206, "bytes 2-4/10", "234"]);
  expect(await ask({ range: "bytes=-2" })).toEqual([206, "bytes 8-9/10", "89"]);
  expect(await ask({ range: "bytes=2-4", "if-range": etag })).toEqual([206, "bytes 2-4/10", "234"]);
  expect(await ask({ range: "bytes=2-4", "if-range": '"old"' })).toEqual([200, null, "0123456789"]);
  expect(await ask({ range: "bytes=0-1,4-5" })).toEqual([200, null, "0123456789"]);
  expect(await ask({ "if-none-match": etag })).toEqual([304, null, ""]);
  for (const range of ["bytes=10-", "bytes=0-5,3-8", `bytes=${"0-0,".repeat(900)}1-1`]) {
    const [status, contentRange] = await ask({ range });
    expect([status, contentRange]).toEqual([416, "bytes */10"]);
  }
  expect((await ask({ range: `bytes=${"0-0,".repeat(1100)}1-1` }))[0]).toBe(431);
  expect((await ask({ "if-none-match": '"x", '.repeat(2048) }))[0]).toBe(431);
  const head = await ada.fetch(`/api/v1/files/${file.id}/content`, { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), head.headers.get("etag")]).toEqual([
    200,
    "10",
    etag,
  ]);
});

test("the same content is stored once for each owner, under each name", async () => {
  const other = await TestUser.register(server);
  const before = kept().objects.length;
  const one = await upload("the same content", "one.txt");
  const two = await upload("the same content", "two.txt");
  expect([one.name, two.name]).toEqual(["one.txt", "two.txt"]);
  expect(kept().objects.length).toBe(before + 1);
  const theirs = await upload("the same content", "one.txt", other);
  expect(kept().objects.length).toBe(before + 2);
  await ada.fetch(`/api/v1/files/${one.id}`, { method: "DELETE" });
  expect(await (await contentOf(two)).text()).toBe("the same content");
  await ada.fetch(`/api/v1/files/${two.id}`, { method: "DELETE" });
  await until(() => kept().objects.length === before + 1, "the object to be removed");
  expect(await (await contentOf(theirs, {}, other)).text()).toBe("the same content");
  expect((await contentOf(two)).status).toBe(404);
});

test("names that mislead or lead elsewhere are refused, and nothing is kept", async () => {
  const before = kept();
  for (const name of [
    "../../etc/passwd",
    "..",
    "a\\\\b.txt",
    "a/b.txt",
    "x".repeat(4096),
    "photo\u202egpj.exe",
    "a\u200fb.txt",
    "a\0b.txt",
    "",
  ]) {
    const answer = await ada.error("/api/v1/files", rawForm(`name="file"; filename="${name}"`));
    expect([name, answer.status, answer.code]).toEqual([name, 400, "invalid_request"]);
  }
  expect(kept()).toEqual(before);
});

test("what is no form with one file is refused, and nothing is kept", async () => {
  const before = kept();
  const none = new FormData();
  none.append("note", "hello");
  const two = form("1", "1.txt");
  two.append("more", new File(["2"], "2.txt"));
  const post = (init: RequestInit) => ada.error("/api/v1/files", { method: "POST", ...init });
  expect(await post({ body: none })).toMatchObject({ status: 400, field: "file" });
  expect(await post({ body: two })).toMatchObject({ status: 400, field: "file" });
  expect(await post({ body: form("", "a.txt") })).toMatchObject({ status: 400, field: "file" });
  expect(await post({ body: "{}", headers: { "content-type": "application/json" } })).toMatchObject(
    {
      status: 415,
    },
  );
  expect(await post({ headers: { "content-type": "multipart/form-data" } })).toMatchObject({
    status: 415,
  });
  expect(
    await post({ headers: { "content-type": "multipart/form-data; boundary=x" }, body: "--x\r\n" }),
  ).toMatchObject({ status: 400 });
  const headerless = { ...rawForm("x"), body: "--x\r\n\r\nhello\r\n--x--\r\n" };
  expect(await post(headerless)).toMatchObject({ status: 400 });
  expect(kept()).toEqual(before);
});

test("a file above the limit is refused, told or not how long it is", async () => {
  const before = kept();
  const large = new Uint8Array(maxBytes + 1);
  expect(
    await ada.error("/api/v1/files", { method: "POST", body: form(large, "a") }),
  ).toMatchObject({ status: 413, code: "payload_too_large" });
  const { body, headers } = rawForm('name="file"; filename="a"', "y".repeat(maxBytes + 1));
  const stream = new Blob([body]).stream();
  const chunked = await ada.fetch("/api/v1/files", { method: "POST", headers, body: stream });
  expect(chunked.status).toBe(413);
  expect(await upload(new Uint8Array(maxBytes), "just")).toMatchObject({ sizeBytes: maxBytes });
  expect(kept().waiting).toEqual(before.waiting);
});

test("a connection that is cut leaves nothing behind", async () => {
  const before = kept();
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  const head = rawForm('name="file"; filename="cut"', "").body.split("\r\n\r\n")[0];
  socket.write(
    `POST /api/v1/files HTTP/1.1\r\nHost: ${hostname}:${port}\r\nCookie: ${ada.cookie}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n${head}\r\n\r\n${"z".repeat(500_000)}`,
  );
  await until(() => kept().waiting.length > before.waiting.length, "the upload to begin");
  socket.destroy();
  await until(() => kept().waiting.length === before.waiting.length, "the upload to be gone");
  expect(kept().objects).toEqual(before.objects);
});

test("a deleted file is gone, with its place in messages, and removal is seen through", async () => {
  const file = await upload("to be deleted");
  const conversation = await ada.newConversation();
  const answered = await ada.fetch(`/api/v1/conversations/${conversation.id}/messages`, {
    json: { content: "Read this", fileIds: [file.id] },
  });
  expect(await answered.json()).toMatchObject({ question: { files: [{ id: file.id }] } });
  const filesOf = async () => {
    const page = await ada.json<{ messages: { files: unknown[] }[] }>(
      `/api/v1/conversations/${conversation.id}/messages`,
    );
    return page.messages.map(({ files }) => files.length);
  };
  // From the cache, once the conversation has its title.
  await until(async () => {
    server.queries.length = 0;
    expect(await filesOf()).toEqual([0, 1]);
    return server.queries.length === 0;
  }, "the list to be cached");
  expect((await ada.fetch(`/api/v1/files/${file.id}`, { method: "DELETE" })).status).toBe(204);
  expect((await contentOf(file)).status).toBe(404);
  expect(await filesOf()).toEqual([0, 0]);
});

test("the model reads the text of attached files, then and later in the conversation", async () => {
  const conversation = await ada.newConversation();
  const path = `/api/v1/conversations/${conversation.id}/messages`;
  const note = await upload("The falcon flies at dawn.", "note.md");
  const picture = await upload(png, "falcon.png");
  /** What the model was asked last, apart from titles, which have a system prompt. */
  const seen = () => {
    const asked = server.models.requests
      .map(({ body }) => body.messages as { role: string; content: string }[])
      .filter(([first]) => first?.role === "user");
    return asked.at(-1)?.map(({ content }) => content);
  };
  await ada.json(path, { json: { content: "When?", fileIds: [note.id, picture.id] } });
  const question = `[Attached file "note.md"]\nThe falcon flies at dawn.\n[End of "note.md"]\n\n[Attached file "falcon.png": image/png, ${png.byteLength} bytes, without readable text]\n\nWhen?`;
  expect(seen()).toEqual([question]);
  const answered = await ada.json<{ answer: { id: string } }>(path, { json: { content: "Sure?" } });
  expect(seen()?.[0]).toBe(question);
  await ada.json(`/api/v1/messages/${answered.answer.id}/regenerate`, { method: "POST" });
  expect(seen()?.[0]).toBe(question);
});

test("without a CDN no address is taken for signed", async () => {
  const file = await upload("unsigned");
  for (const query of ["", "?expires=9999999999&signature=x"]) {
    expect((await fetch(`${server.url}/cdn/files/${file.id}${query}`)).status).toBe(403);
  }
});
