import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CdnError } from "../errors.ts";
import { type ObjectStore, startObjectStore } from "../testing/start-object-store.ts";
import { testStore } from "../testing/store-conformance.ts";
import { openS3Store } from "./s3-store.ts";

const directory = mkdtempSync(join(tmpdir(), "peregrine-s3-test-"));
const source = join(directory, "source");
const options = { mediaType: "image/png", cacheControl: "private, max-age=60" };
let server: ObjectStore;

beforeAll(async () => {
  server = await startObjectStore();
  await Bun.write(source, new Uint8Array(40 * 1024 * 1024));
}, 90_000);
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

describe("as a store", () => testStore(() => openS3Store(server.options)));

async function failure(work: Promise<unknown>): Promise<CdnError> {
  const error = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof CdnError)) throw new Error(`not a CdnError: ${error}`);
  return error;
}

test("an upload that its caller ends half-way leaves no part behind", async () => {
  const store = openS3Store(server.options);
  const giveUp = new AbortController();
  const putting = failure(store.put("h/cut", source, { ...options, signal: giveUp.signal }));
  while ((await server.openUploads()) === 0) await Bun.sleep(1);
  giveUp.abort();
  expect((await putting).code).toBe("aborted");
  expect(await store.size("h/cut")).toBeNull();
  expect(await server.openUploads()).toBe(0);
  store.close();
});

test("a wrong key is denied, a bucket that is not there misconfigured", async () => {
  const credentials = { accessKeyId: "peregrine", secretAccessKey: "wrong" };
  const stranger = openS3Store({ ...server.options, credentials });
  expect((await failure(stranger.check())).code).toBe("denied");
  expect((await failure(stranger.put("h/denied", source, options))).code).toBe("denied");
  const elsewhere = openS3Store({ ...server.options, bucket: "nowhere" });
  expect((await failure(elsewhere.check())).code).toBe("misconfigured");
  stranger.close();
  elsewhere.close();
});

test("a server that is away is unavailable", async () => {
  const store = openS3Store({ ...server.options, endpoint: "http://127.0.0.1:1" });
  const error = await failure(store.size("h/away"));
  expect([error.code, error.retryable]).toEqual(["unavailable", true]);
  store.close();
});

test("what a CDN needs to know is kept with the file", async () => {
  const store = openS3Store(server.options);
  await Bun.write(join(directory, "small"), "small");
  const contentDisposition = 'attachment; filename="a.png"';
  await store.put("h/told", join(directory, "small"), { ...options, contentDisposition });
  const { S3Client, HeadObjectCommand } = await import("@aws-sdk/client-s3");
  const { endpoint = "", region, credentials } = server.options;
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const told = await client.send(
    new HeadObjectCommand({ Bucket: server.options.bucket, Key: "h/told" }),
  );
  expect([told.ContentType, told.CacheControl, told.ContentDisposition]).toEqual([
    "image/png",
    "private, max-age=60",
    contentDisposition,
  ]);
  client.destroy();
  store.close();
});

test("a signed part takes the bytes that were announced, and no others", async () => {
  const store = openS3Store(server.options);
  const upload = { key: "h/signed", id: await store.parted.begin("h/signed", options) };
  const bytes = Buffer.from("these bytes and no others");
  const sha256 = new Uint8Array(new Bun.CryptoHasher("sha256").update(bytes).digest());
  const part = { number: 1, sizeBytes: bytes.byteLength, sha256 };
  const signed = await store.parted.sign?.(upload, part, 60);
  if (!signed) throw new Error("a bucket signs parts");
  const put = async (url: string, body: string | Buffer<ArrayBuffer>, headers = signed.headers) =>
    (await fetch(url, { method: "PUT", body, headers })).status;

  expect(await put(signed.url, "other bytes, equally long")).toBe(400);
  expect(await put(signed.url, "shorter")).toBe(403);
  expect(await put(signed.url, `${bytes} and more`)).toBe(403);
  const otherHash = { "x-amz-content-sha256": "0".repeat(64) };
  expect(await put(signed.url, bytes, otherHash)).toBe(403);
  expect(await put(signed.url.replace("partNumber=1", "partNumber=2"), bytes)).toBe(403);
  expect(await put(signed.url.replace(/X-Amz-Signature=./, "X-Amz-Signature=g"), bytes)).toBe(403);
  expect(await store.parted.list(upload)).toEqual([]);

  expect(await put(signed.url, bytes)).toBe(200);
  expect(await store.parted.complete(upload)).toBe(true);
  expect(await put(signed.url, bytes)).toBe(404);
  expect(await new Response(await store.read("h/signed")).text()).toBe(String(bytes));
  store.close();
});
