import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CdnError } from "../errors.ts";
import { type FileStore, type Part, type PartedUpload, partBytes } from "../stores/store.ts";

const options = { mediaType: "text/plain", cacheControl: "private" };

/** What every store must do, whatever is behind it. */
export function testStore(open: () => Promise<FileStore> | FileStore): void {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-store-"));
  let sources = 0;
  let store: FileStore;

  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => {
    store.close();
    rmSync(directory, { recursive: true });
  });

  async function write(content: string | Uint8Array): Promise<string> {
    const path = join(directory, `source-${++sources}`);
    await Bun.write(path, content);
    return path;
  }
  async function put(key: string, content: string | Uint8Array, signal?: AbortSignal) {
    const path = await write(content);
    await store.put(key, path, { ...options, ...(signal ? { signal } : {}) });
  }
  async function text(key: string, range?: { first: number; last: number }) {
    const body = await store.read(key, range);
    return body && new Response(body).text();
  }
  const keys = async (prefix: string) =>
    (await Array.fromAsync(store.list(prefix))).map(({ key }) => key).sort();

  test("takes files", () => store.check());

  test("gives back what was put, whole and in parts", async () => {
    await put("a/one", "0123456789");
    expect(await store.size("a/one")).toBe(10);
    expect(await text("a/one")).toBe("0123456789");
    expect(await text("a/one", { first: 0, last: 0 })).toBe("0");
    expect(await text("a/one", { first: 3, last: 6 })).toBe("3456");
    expect(await text("a/one", { first: 9, last: 9 })).toBe("9");
  });

  test("keeps an empty file", async () => {
    await put("a/empty", "");
    expect(await store.size("a/empty")).toBe(0);
    expect(await text("a/empty")).toBe("");
  });

  test("keeps a file of several parts, byte for byte", async () => {
    const bytes = new Uint8Array(20 * 1024 * 1024 + 7);
    for (let i = 0; i < bytes.length; i += 65_536) {
      crypto.getRandomValues(bytes.subarray(i, Math.min(bytes.length, i + 65_536)));
    }
    await put("a/large", bytes);
    const body = await store.read("a/large");
    const read = await new Response(body).bytes();
    expect(Bun.hash(read)).toBe(Bun.hash(bytes));
  });

  test("replaces a file", async () => {
    await put("a/again", "old");
    await put("a/again", "newer");
    expect(await text("a/again")).toBe("newer");
  });

  test("does not find what is not there, and deletes it all the same", async () => {
    expect(await store.size("a/none")).toBeNull();
    expect(await store.read("a/none")).toBeNull();
    expect(await store.read("a/none", { first: 0, last: 3 })).toBeNull();
    expect(await store.size("a")).toBeNull();
    await store.delete("a/none");
  });

  test("deletes a file, and that one alone", async () => {
    await put("b/one", "1");
    await put("b/one-more", "2");
    await store.delete("b/one");
    expect(await store.size("b/one")).toBeNull();
    expect(await text("b/one-more")).toBe("2");
  });

  test("lists the keys that begin so", async () => {
    await put("c/x/1", "1");
    await put("c/x/2", "22");
    await put("c/y", "3");
    expect(await keys("c/x/")).toEqual(["c/x/1", "c/x/2"]);
    expect(await keys("c/")).toEqual(["c/x/1", "c/x/2", "c/y"]);
    expect(await keys("d/")).toEqual([]);
    const found = await Array.fromAsync(store.list("c/x/2"));
    expect(found).toEqual([{ key: "c/x/2", sizeBytes: 2 }]);
  });

  test("puts the same key twice at once, and has one of the two whole", async () => {
    const [one, other] = [await write("a".repeat(300_000)), await write("b".repeat(300_000))];
    await Promise.all([store.put("e/one", one, options), store.put("e/one", other, options)]);
    expect(new Set(await text("e/one")).size).toBe(1);
    expect(await store.size("e/one")).toBe(300_000);
  });

  test("is never found in part while it is put", async () => {
    const size = 8_000_000;
    const path = await write(new Uint8Array(size));
    let isPutting = true;
    const seen = new Set<number | null>();
    const watch = (async () => {
      while (isPutting) seen.add(await store.size("j/one"));
    })();
    for (let i = 0; i < 3; i++) await store.put("j/one", path, options);
    isPutting = false;
    await watch;
    seen.delete(null);
    expect([...seen]).toEqual([size]);
  });

  test("stores nothing once the caller has given up", async () => {
    const reason = AbortSignal.abort();
    const failed = await put("f/one", "1", reason).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(CdnError);
    expect((failed as CdnError).code).toBe("aborted");
    expect(await keys("f/")).toEqual([]);
  });

  test("stores nothing of a file that is not there", async () => {
    const missing = join(directory, "missing");
    expect(store.put("g/one", missing, options)).rejects.toBeInstanceOf(CdnError);
    expect(await keys("g/")).toEqual([]);
  });

  test("keeps what was put when the source is gone", async () => {
    const path = await write("kept");
    await store.put("i/one", path, options);
    rmSync(path);
    expect(await text("i/one")).toBe("kept");
  });

  test("refuses keys that lead elsewhere", async () => {
    for (const key of ["", "/a", "a/", "../a", "a/../b", "a//b", ".hidden", "a\0b", "ä", "a\\b"]) {
      expect(async () => store.size(key)).toThrow("is not a key");
      expect(async () => put(key, "x")).toThrow("is not a key");
    }
  });

  /** A file of three parts, the last one small, with what each part must be. */
  const whole = Buffer.alloc(2 * partBytes + 11);
  for (let i = 0; i < whole.length; i += 4093) whole.writeUInt8((i * 31) % 256, i);
  const partOf = (number: number) => {
    const bytes = whole.subarray((number - 1) * partBytes, number * partBytes);
    const sha256 = new Uint8Array(new Bun.CryptoHasher("sha256").update(bytes).digest());
    return { bytes, part: { number, sizeBytes: bytes.byteLength, sha256 } satisfies Part };
  };
  const begin = async (key: string): Promise<PartedUpload> => ({
    key,
    id: await store.parted.begin(key, options),
  });
  const putPart = async (upload: PartedUpload, number: number) => {
    const { bytes, part } = partOf(number);
    await store.parted.put(upload, part, await write(bytes));
  };

  test("makes parts that came in any order, and twice, into one file", async () => {
    const upload = await begin("k/one");
    for (const number of [3, 1, 1]) await putPart(upload, number);
    expect(await store.parted.list(upload)).toEqual([1, 3]);
    expect(await store.size("k/one")).toBeNull();
    expect(await keys("k/")).toEqual([]);
    await putPart(upload, 2);
    expect(await store.parted.complete(upload)).toBe(true);
    expect(await store.size("k/one")).toBe(whole.byteLength);
    const body = await store.read("k/one");
    expect(Bun.hash(await new Response(body).bytes())).toBe(Bun.hash(whole));
    expect(await store.parted.list(upload)).toBeNull();
    expect(await store.parted.complete(upload)).toBe(false);
  });

  test("forgets the parts of an upload that was given up, and takes no more of them", async () => {
    const upload = await begin("k/given-up");
    await putPart(upload, 1);
    await store.parted.abort("k/given-up");
    expect(await store.parted.list(upload)).toBeNull();
    expect(await putPart(upload, 2).catch((error: unknown) => error)).toBeInstanceOf(CdnError);
    expect(await store.parted.complete(upload)).toBe(false);
    expect(await keys("k/given-up")).toEqual([]);
    await store.parted.abort("k/never-begun");
  });
}
