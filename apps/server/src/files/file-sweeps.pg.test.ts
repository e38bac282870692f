import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { FileBody, FileInfo, FileSweepsBody } from "@peregrine/protocol";
import { SQL } from "bun";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

let server: TestServer;
let ada: TestUser;
let sql: SQL;

beforeAll(async () => {
  server = await startTestServer({ UNATTACHED_FILE_TTL: "3600" });
  sql = new SQL({ url: server.databaseUrl, max: 1 });
  ada = await TestUser.register(server);
});
afterAll(async () => {
  await sql.close();
  await server.stop();
});

async function upload(content: string, user = ada): Promise<FileInfo> {
  const body = new FormData();
  body.append("file", new File([content], "a.txt"));
  return (await user.json<FileBody>("/api/v1/files", { method: "POST", body })).file;
}
const sweep = () => ada.json<FileSweepsBody>("/api/v1/file-sweeps", { method: "POST" });
const age = (file: FileInfo) =>
  sql`update files set created_at = now() - interval '2 hours' where id = ${file.id}`;
const statusOf = async (file: FileInfo, user = ada) =>
  (await user.fetch(`/api/v1/files/${file.id}`)).status;
const objectOf = async (file: FileInfo) => {
  const [row] = await sql`select object_key from files where id = ${file.id}`;
  return {
    key: row.object_key as string,
    path: join(server.dataDirectory, "files", row.object_key),
  };
};
/** Where an object would be that was made at that time. */
function strayPath(daysAgo: number): string {
  const milliseconds = (Date.now() - daysAgo * 86_400_000).toString(16).padStart(12, "0");
  const id = `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}-7abc-8abc-0123456789ab`;
  return join(server.dataDirectory, "files/files", ada.user.id, "parts", id);
}

test("a file that no message has goes after its time; attached, new and public ones stay", async () => {
  const [lost, attached, young, shown] = [
    await upload("lost"),
    await upload("attached"),
    await upload("young"),
    await upload("shown"),
  ];
  const conversation = await ada.newConversation();
  await ada.json(`/api/v1/conversations/${conversation.id}/messages`, {
    json: { content: "Read this", fileIds: [attached.id] },
  });
  const json = { visibility: "public" };
  await ada.fetch(`/api/v1/files/${shown.id}`, { method: "PATCH", json });
  for (const file of [lost, attached, shown]) await age(file);
  const { path } = await objectOf(lost);
  // In the cache, which has to be told as well.
  expect(await statusOf(lost)).toBe(200);

  expect((await sweep()).leftOvers?.result).toEqual({ uploads: 0, files: 1 });
  expect(await statusOf(lost)).toBe(404);
  await until(() => !existsSync(path), "the object to be removed");
  for (const file of [attached, young, shown]) expect(await statusOf(file)).toBe(200);

  // When its conversation is deleted nobody has the other one any more.
  await ada.fetch(`/api/v1/conversations/${conversation.id}`, { method: "DELETE" });
  expect((await sweep()).leftOvers?.result).toEqual({ uploads: 0, files: 1 });
  expect(await statusOf(attached)).toBe(404);
});

test("objects without a file are removed once they are a week old, and others are left", async () => {
  const kept = await objectOf(await upload("kept"));
  const [old, recent] = [strayPath(8), strayPath(6)];
  const foreign = join(server.dataDirectory, "files/files/readme");
  for (const path of [old, recent, foreign]) await Bun.write(path, "stray");
  expect((await sweep()).differences?.result).toMatchObject({
    strayObjects: 1,
    foreignObjects: 1,
  });
  await until(() => !existsSync(old), "the stray object to be removed");
  for (const path of [recent, foreign, kept.path]) expect(existsSync(path)).toBe(true);
  expect((await sweep()).differences?.result).toMatchObject({ strayObjects: 0 });
  for (const path of [recent, foreign]) rmSync(path);
});

test("a file without its object is told of and not deleted", async () => {
  const file = await upload("its object will be gone");
  rmSync((await objectOf(file)).path);
  expect((await sweep()).differences?.result).toMatchObject({ missingObjects: 1 });
  expect((await ada.fetch(`/api/v1/files/${file.id}/content`)).status).toBe(404);
  expect(await statusOf(file)).toBe(200);
  await ada.fetch(`/api/v1/files/${file.id}`, { method: "DELETE" });
  expect((await sweep()).differences?.result).toMatchObject({ missingObjects: 0 });
});

test("one server sweeps at a time, and what came of it is seen by administrators", async () => {
  await sql`update scheduled_jobs set claimed_until = now() + interval '1 hour'`;
  const before = await ada.json<FileSweepsBody>("/api/v1/file-sweeps");
  const lost = await upload("kept as long as another server is at it");
  await age(lost);
  expect(await sweep()).toEqual(before);
  expect(await statusOf(lost)).toBe(200);
  // That server is dead.
  await sql`update scheduled_jobs set claimed_until = now()`;
  const swept = await Promise.all([sweep(), sweep(), sweep()]);
  expect(await statusOf(lost)).toBe(404);
  const last = await ada.json<FileSweepsBody>("/api/v1/file-sweeps");
  expect(Date.parse(last.leftOvers?.finishedAt ?? "")).toBeGreaterThan(
    Date.parse(before.leftOvers?.finishedAt ?? ""),
  );
  expect(swept).toHaveLength(3);
  const bob = await TestUser.register(server);
  for (const method of ["GET", "POST"]) {
    expect(await bob.error("/api/v1/file-sweeps", { method })).toMatchObject({ status: 403 });
  }
});
