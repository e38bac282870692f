import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import type { UploadBody } from "@peregrine/protocol";
import { pdf } from "../testing/pdf.ts";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

/** A small disk of its own for files, where this machine allows to make one. */
const small = mkdtempSync(join(tmpdir(), "peregrine-small-"));
const hasSmallDisk = Bun.spawnSync([
  ...["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", small],
]).success;
let server: TestServer;
let ada: TestUser;

beforeAll(async () => {
  server = await startTestServer({ DATA_DIR: small });
  ada = await TestUser.register(server);
});
afterAll(async () => {
  await server.stop();
  if (hasSmallDisk) Bun.spawnSync(["umount", small]);
  rmSync(small, { recursive: true });
});

/** All that is on the disk: objects, what waits, and parts. */
function kept(): string[] {
  return readdirSync(small, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}
/** What was there before may go meanwhile: a request whose client has left ends by itself. */
const untilAdded = (count: number, before: string[]) =>
  until(
    () => kept().filter((name) => !before.includes(name)).length === count,
    `${count} more to be kept than before`,
  );
const digest = (bytes: Uint8Array) =>
  `sha-256=:${new Bun.CryptoHasher("sha256").update(bytes).digest("base64")}:`;

function send(content: Uint8Array<ArrayBuffer> | string, name: string): Promise<Response> {
  const body = new FormData();
  body.append("file", new File([content], name));
  return ada.fetch("/api/v1/files", { method: "POST", body });
}
async function begin(sizeBytes: number, name: string): Promise<string> {
  const json = { name, sizeBytes };
  return (await ada.json<UploadBody>("/api/v1/uploads", { json })).upload.id;
}
const put = (id: string, number: number, body: Uint8Array<ArrayBuffer>) =>
  ada.fetch(`/api/v1/uploads/${id}/parts/${number}`, {
    method: "PUT",
    headers: { "content-digest": digest(body) },
    body,
  });
const codeOf = async (response: Response) => {
  const { error } = (await response.json()) as { error: { code: string } };
  return [response.status, error.code];
};

test("a PDF that unfolds to gigabytes is refused, at once or in parts, and nothing is kept", async () => {
  const before = kept();
  const page = deflateSync(Buffer.alloc(400_000_000, "( ) Tj "), { level: 9 });
  const bomb = Buffer.from(pdf([page, page, page]));
  expect(await codeOf(await send(bomb, "bomb.pdf"))).toEqual([422, "unreadable_file"]);
  expect(kept()).toEqual(before);

  const id = await begin(bomb.byteLength, "bomb.pdf");
  expect((await put(id, 1, bomb)).status).toBe(204);
  const completing = { method: "POST" };
  const refused = await ada.fetch(`/api/v1/uploads/${id}/complete`, completing);
  expect(await codeOf(refused)).toEqual([422, "unreadable_file"]);
  expect((await ada.fetch(`/api/v1/files/${id}`)).status).toBe(404);
  expect((await ada.fetch(`/api/v1/uploads/${id}`)).status).toBe(404);
  await untilAdded(0, before);
}, 120_000);

test("with a full disk an upload says so and leaves nothing, and smaller ones go on", async () => {
  if (!hasSmallDisk) return; // only root may
  const before = kept();
  const large = new Uint8Array(32 * 1024 * 1024);
  expect(await codeOf(await send(large, "large.bin"))).toEqual([507, "files_full"]);
  await untilAdded(0, before);

  const partBytes = 8 * 1024 * 1024;
  const id = await begin(large.byteLength, "large.bin");
  const part = large.subarray(0, partBytes);
  const statuses = [];
  for (const number of [1, 2, 3]) statuses.push((await put(id, number, part)).status);
  expect(statuses[0]).toBe(204);
  expect(statuses[2]).toBe(507);
  // What came before is still good, and the upload can go on once there is room.
  const { upload } = await ada.json<UploadBody>(`/api/v1/uploads/${id}`);
  expect(upload.partsDone).toEqual([1, 2].slice(0, statuses.indexOf(507)));
  expect((await send("small", "small.txt")).status).toBe(201);
  expect((await ada.fetch(`/api/v1/uploads/${id}`, { method: "DELETE" })).status).toBe(204);
  await untilAdded(1, before);
}, 60_000);

/** Sends bytes as they are, and gives the status of each answer until the connection is closed. */
function raw(text: string, thenLeaves = false): Promise<number[]> {
  const { hostname, port } = new URL(server.url);
  const answered = Promise.withResolvers<number[]>();
  const socket = connect(Number(port), hostname);
  let received = "";
  socket.on("data", (bytes) => {
    received += bytes;
  });
  socket.on("error", answered.reject);
  socket.on("close", () =>
    answered.resolve(
      [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status)),
    ),
  );
  socket.write(text, () => thenLeaves && socket.end());
  return answered.promise;
}

test("a content length that is wrong, twice there or none is refused, and nothing is kept", async () => {
  const form = (content: string) =>
    `--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n${content}\r\n--x--\r\n`;
  const post = (lengths: string[], body: string, thenLeaves?: boolean) => {
    const { host } = new URL(server.url);
    const fields = lengths.map((length) => `Content-Length: ${length}\r\n`).join("");
    const head = `POST /api/v1/files HTTP/1.1\r\nHost: ${host}\r\nCookie: ${ada.cookie}\r\nContent-Type: multipart/form-data; boundary=x\r\n${fields}Connection: close\r\n\r\n`;
    return raw(head + body, thenLeaves);
  };
  const body = form("hello");
  const right = String(body.length);
  expect(await post([right], body)).toEqual([201]);
  const before = kept();
  // Too short: the form ends within the file.
  const tooShort = String(body.length - "lo\r\n--x--\r\n".length);
  for (const lengths of [[tooShort], ["-5"], ["1e3"], ["0x10"], [right, "7"], [`${right}, 7`]]) {
    const statuses = await post(lengths, body);
    const areRefused = statuses.length > 0 && statuses.every((one) => one >= 400 && one < 500);
    expect([lengths, statuses, areRefused]).toEqual([lengths, statuses, true]);
  }
  // Too long: the connection ends before the form does.
  for (const length of [String(body.length + 100), "9".repeat(30)]) {
    const statuses = await post([length], form("others"), true);
    expect([length, statuses.filter((status) => status < 400)]).toEqual([length, []]);
  }
  await untilAdded(0, before);
});

test("a form that ends anywhere before its end is refused, and the server goes on", async () => {
  const before = kept();
  for (const size of [5, 70_000, 1_000_000]) {
    const head = `--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n`;
    const whole = `${head}${"y".repeat(size)}\r\n--x--\r\n`;
    const cuts = [1, 3, 20, head.length - 1, head.length, head.length + 1, whole.length >> 1];
    for (const length of [...cuts, whole.length - 8, whole.length - 5]) {
      const answer = await ada.fetch("/api/v1/files", {
        method: "POST",
        headers: { "content-type": "multipart/form-data; boundary=x" },
        body: whole.slice(0, length),
      });
      expect([size, length, await codeOf(answer)]).toEqual([
        size,
        length,
        [400, "invalid_request"],
      ]);
    }
  }
  await untilAdded(0, before);
});
