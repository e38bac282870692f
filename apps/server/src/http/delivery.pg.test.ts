import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { Conversation, FileBody } from "@peregrine/protocol";
import { startTestServer, type TestServer, TestUser } from "../testing/test-server.ts";
import type { OpenApi } from "./api-docs.ts";
import { loadWebFiles } from "./web-files.ts";

const script = "console.log('hello');\n".repeat(100);
const asset = "/assets/app-1a2b.js";
let server: TestServer;
let ada: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  writeFileSync(join(server.webDirectory, asset), script);
  writeFileSync(
    join(server.webDirectory, "index.html"),
    `<!doctype html><title>Peregrine</title><script type="module" src="${asset}"></script>`,
  );
  const compressor = join(import.meta.dirname, "../../../../scripts/compress-web.ts");
  const made = Bun.spawnSync([process.execPath, compressor, server.webDirectory]);
  if (!made.success) throw new Error(made.stderr.toString());
  await server.restart();
  ada = await TestUser.register(server);
  for (let i = 0; i < 12; i++) await begin(`Falcons and their ways, part ${i}`);
});

afterAll(() => server.stop());

function begin(title: string): Promise<{ conversation: Conversation }> {
  return ada.json("/api/v1/conversations", { json: { title } });
}

/** The bytes as they were sent. */
async function raw(path: string, acceptEncoding: string) {
  const response = await ada.fetch(path, {
    headers: { "accept-encoding": acceptEncoding },
    decompress: false,
  } as RequestInit);
  return { response, bytes: await response.bytes() };
}

test("a read is private, has a strong tag, and is a 304 where the client has it", async () => {
  const first = await ada.fetch("/api/v1/conversations");
  expect(first.status).toBe(200);
  expect(first.headers.get("cache-control")).toBe("private, no-cache");
  expect(first.headers.get("vary")).toBe("Accept-Encoding, Authorization, Cookie");
  const tag = first.headers.get("etag") ?? "";
  expect(tag).toMatch(/^"[^"]+"$/);
  const again = await ada.fetch("/api/v1/conversations", { headers: { "if-none-match": tag } });
  expect(again.status).toBe(304);
  expect(again.headers.get("etag")).toBe(tag);
  expect(again.headers.get("x-content-type-options")).toBe("nosniff");
  expect(await again.text()).toBe("");
});

test("a change gives another tag, and another person's list is not a match", async () => {
  const tag = (await ada.fetch("/api/v1/conversations?limit=3")).headers.get("etag") ?? "";
  const asking = { headers: { "if-none-match": tag } };
  const other = await TestUser.register(server);
  expect((await other.fetch("/api/v1/conversations?limit=3", asking)).status).toBe(200);
  expect((await ada.fetch("/api/v1/conversations?limit=3", asking)).status).toBe(304);
  await begin("New");
  expect((await ada.fetch("/api/v1/conversations?limit=3", asking)).status).toBe(200);
});

test("JSON is compressed as the client accepts it, each form with a tag of its own", async () => {
  const plain = await raw("/api/v1/conversations", "identity");
  expect(plain.response.headers.get("content-encoding")).toBeNull();
  const unpack = {
    zstd: (bytes: Uint8Array<ArrayBuffer>) => Bun.zstdDecompressSync(bytes),
    br: brotliDecompressSync,
    gzip: gunzipSync,
  };
  const tags = new Set([plain.response.headers.get("etag")]);
  for (const [encoding, decompress] of Object.entries(unpack)) {
    const { response, bytes } = await raw("/api/v1/conversations", encoding);
    expect(response.headers.get("content-encoding")).toBe(encoding);
    expect(bytes.byteLength).toBeLessThan(plain.bytes.byteLength / 2);
    expect(decompress(bytes).toString()).toBe(new TextDecoder().decode(plain.bytes));
    const tag = response.headers.get("etag") ?? "";
    tags.add(tag);
    const again = await ada.fetch("/api/v1/conversations", {
      headers: { "if-none-match": tag, "accept-encoding": encoding },
    });
    expect([again.status, again.headers.get("etag")]).toEqual([304, tag]);
  }
  expect(tags.size).toBe(4);
});

test("what is small, is not stored, or failed, is not compressed", async () => {
  const all = "zstd, br, gzip";
  expect((await raw("/api/v1/me", all)).response.headers.get("content-encoding")).toBeNull();
  const created = await ada.fetch("/api/v1/api-keys", {
    headers: { "accept-encoding": all },
    json: { name: "x".repeat(90) },
  });
  expect(created.status).toBe(201);
  expect(created.headers.get("content-encoding")).toBeNull();
  for (const response of [created, await ada.fetch("/api/v1/conversations/nothing")]) {
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("etag")).toBeNull();
    expect(response.headers.get("x-frame-options")).toBe("DENY");
  }
});

test("an entity tag list of 10 kB is refused", async () => {
  const headers = { "if-none-match": '"x", '.repeat(2048) };
  const response = await ada.fetch("/api/v1/conversations", { headers });
  expect(response.status).toBe(431);
  expect((await response.json()) as unknown).toMatchObject({ error: { code: "header_too_large" } });
});

test("every response says where its time went", async () => {
  const timed = (response: Response) => response.headers.get("server-timing") ?? "";
  // The session and the list, which are cached from then on, and the profile that came with it.
  const newcomer = await TestUser.register(server);
  expect(timed(await newcomer.fetch("/api/v1/conversations"))).toMatch(
    /^total;dur=[\d.]+, cache;desc="memory 1, source 2", db;dur=[\d.]+;desc="2"$/,
  );
  const list = await newcomer.fetch("/api/v1/conversations");
  expect(timed(list)).toMatch(/^total;dur=[\d.]+, cache;desc="memory 3"$/);
  const headers = { "if-none-match": list.headers.get("etag") ?? "" };
  const unchanged = await newcomer.fetch("/api/v1/conversations", { headers });
  expect([unchanged.status, timed(unchanged)]).toEqual([
    304,
    expect.stringMatching(/^total;dur=[\d.]+, cache;desc="memory 3"$/),
  ]);
  expect(timed(await fetch(`${server.url}/health`))).toMatch(/^total;dur=[\d.]+$/);
  expect(timed(await fetch(`${server.url}/`))).toMatch(/^total;dur=[\d.]+$/);
  expect(timed(await ada.fetch("/api/v1/nothing"))).toMatch(/^total;dur=[\d.]+/);
  const conversation = await ada.newConversation();
  const answered = await ada.fetch(`/api/v1/conversations/${conversation.id}/messages`, {
    json: { content: "Why do falcons dive?" },
  });
  expect(answered.status).toBe(201);
  const [, totalMs, databaseMs, modelMs] =
    /^total;dur=([\d.]+), cache;desc="memory \d+", db;dur=([\d.]+);desc="\d+", model;dur=([\d.]+)$/.exec(
      timed(answered),
    ) ?? [];
  expect(Number(modelMs)).toBeGreaterThan(0);
  expect(Number(databaseMs)).toBeGreaterThan(0);
  expect(Number(totalMs)).toBeGreaterThanOrEqual(Number(modelMs));
});

test("no route leaves its time out: refused, found or not, as a stranger and signed in", async () => {
  const body = new FormData();
  body.append("file", new File(["GIF89a"], "a.gif"));
  const upload = await ada.json<FileBody>("/api/v1/files", { method: "POST", body });
  const { paths } = (await (await fetch(`${server.url}/api/docs/openapi.json`)).json()) as OpenApi;
  const asked: [route: string, response: Response][] = [];
  for (const [template, methods] of Object.entries(paths)) {
    const path = template.replaceAll(/{\w+}/g, upload.file.id);
    for (const name of Object.keys(methods)) {
      const method = name.toUpperCase();
      const init = { method, redirect: "manual" } as const;
      asked.push([`${method} ${template}`, await fetch(server.url + path, init)]);
      // What only reads; a stream of events is let go again.
      if (method === "GET") asked.push([`own ${template}`, await ada.fetch(path, init)]);
    }
  }
  for (const path of ["/", asset, "/assets/none.js", "/c/x", "/api/docs", "/cdn/files/x"]) {
    asked.push([path, await fetch(server.url + path)]);
  }
  const content = `/api/v1/files/${upload.file.id}/content`;
  for (const headers of [{ range: "bytes=0-1" }, { range: "bytes=9-" }, { "if-none-match": "*" }]) {
    asked.push([JSON.stringify(headers), await ada.fetch(content, { headers })]);
  }
  const without = asked.filter(
    ([, { headers }]) => !headers.get("server-timing")?.includes("total"),
  );
  for (const [, response] of asked) await response.body?.cancel();
  expect(without.map(([route, { status }]) => [route, status])).toEqual([]);
  const statuses = new Set(asked.map(([, { status }]) => status));
  for (const status of [200, 206, 304, 401, 404, 416]) expect(statuses).toContain(status);
});

test("requests at the same time are timed apart", async () => {
  const responses = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ada.fetch(i % 2 ? "/api/v1/me" : "/api/v1/api-keys")),
  );
  expect(
    responses.map(
      (response) =>
        /db;dur=[\d.]+;desc="(\d)"/.exec(response.headers.get("server-timing") ?? "")?.[1],
    ),
  ).toEqual(responses.map((_, i) => (i % 2 ? undefined : "1")));
});

test("a hashed asset is good for ever, in the form the client accepts", async () => {
  for (const encoding of ["br", "zstd", "gzip"]) {
    const response = await fetch(`${server.url}${asset}`, {
      headers: { "accept-encoding": encoding },
    });
    expect(response.headers.get("content-encoding")).toBe(encoding);
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(response.headers.get("vary")).toBe("Accept-Encoding");
    expect(response.headers.get("content-type")).toStartWith("text/javascript");
    expect(await response.text()).toBe(script);
  }
  const plain = await fetch(`${server.url}${asset}`, {
    headers: { "accept-encoding": "identity" },
  });
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect(plain.headers.get("content-length")).toBe(String(script.length));
});

test("the page is asked after each time, and is a 304 while it is the same", async () => {
  const page = await fetch(`${server.url}/conversations/somewhere`);
  expect(page.headers.get("cache-control")).toBe("public, no-cache");
  expect(page.headers.get("surrogate-key")).toBe("web web-page");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
  const again = await fetch(`${server.url}/`, {
    headers: { "if-none-match": page.headers.get("etag") ?? "" },
  });
  expect(again.status).toBe(304);
  expect(await again.text()).toBe("");
});

test("HEAD answers like GET without the body", async () => {
  // Nobody who has asked a question: the title made for it changes the list at some later moment.
  const reader = await TestUser.register(server);
  for (const path of ["/api/v1/conversations", "/", asset]) {
    const headers = { "accept-encoding": "identity" };
    const [got, head] = [
      await reader.fetch(path, { headers }),
      await reader.fetch(path, { headers, method: "HEAD" }),
    ];
    expect(head.status).toBe(200);
    expect(head.headers.get("etag")).toBe(got.headers.get("etag"));
    expect(await head.text()).toBe("");
  }
});

test("the compressed forms are not files of their own", async () => {
  expect((await fetch(`${server.url}/assets/app-1a2b.js.br`)).status).toBe(404);
});

test("with its assets on a CDN the page names them there, and may load them", async () => {
  const files = await loadWebFiles(server.webDirectory, {
    cdnUrl: "https://cdn.example.org/x",
    hasAssets: true,
  });
  const get = (acceptEncoding: string) =>
    files(
      new Request("http://localhost/", { headers: { "accept-encoding": acceptEncoding } }),
      "/",
    ) as Response;
  const page = await get("identity").text();
  expect(page).toContain('src="https://cdn.example.org/x/assets/app-1a2b.js"');
  const compressed = get("br");
  expect(compressed.headers.get("content-encoding")).toBe("br");
  expect(brotliDecompressSync(await compressed.bytes()).toString()).toBe(page);
  expect(compressed.headers.get("content-security-policy")).toContain(
    "script-src 'self' https://cdn.example.org;",
  );
  const plain = await fetch(server.url);
  expect(await plain.text()).toContain('src="/assets/app-1a2b.js"');
  expect(plain.headers.get("etag")).not.toBe(get("identity").headers.get("etag"));
  const served = await fetch(server.url + asset);
  expect(served.headers.get("access-control-allow-origin")).toBe("*");
});
