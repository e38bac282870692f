import { expect, test } from "bun:test";
import type { FileInfo, UploadInfo } from "@peregrine/protocol";
import { ApiError } from "../api/api-error.ts";
import { type PartServer, uploadInParts } from "./upload-in-parts.ts";
import { uploadRemoved } from "./upload-removed.ts";

const partBytes = 100;
const file = new File([new Uint8Array(450).map((_, i) => i)], "large.bin", { lastModified: 7 });
const offline = () => ApiError.network(new TypeError("cut"));

/** A server that keeps parts as the real one does, and fails as the test wants. */
function setUp({ isDirect = false } = {}) {
  const kept = new Map<number, Blob>();
  const log: string[] = [];
  let upload: UploadInfo | undefined;
  let checks = 0;
  const fake = {
    kept,
    log,
    /** Called before each part is taken. */
    beforePart: async (_number: number, _isDirect: boolean): Promise<void> => {},
    giveUp: () => {
      upload = undefined;
    },
  };
  const numberOf = (path: string) => Number(/parts\/(\d+)/.exec(path)?.[1]);
  const server: PartServer = {
    async request<Body>(method: string, path: string) {
      log.push(`${method} ${path}`);
      if (path === "/uploads") {
        const { name, size: sizeBytes } = file;
        const [id, partsDone, expiresAt] = [`u${log.length}`, [], "2026-01-01T00:00:00.000Z"];
        upload = { id, name, sizeBytes, partBytes, partsDone, isDirect, expiresAt };
        return { upload } as Body;
      }
      if (!upload || !path.startsWith(`/uploads/${upload.id}`)) {
        throw new ApiError("not_found", "gone", { status: 404 });
      }
      if (path.endsWith("/complete")) {
        if (checks++ === 0) return { upload } as Body;
        const whole = new Blob([...kept].sort(([a], [b]) => a - b).map(([, part]) => part));
        return { file: { id: upload.id, sizeBytes: whole.size } } as Body;
      }
      if (path.includes("/parts/")) {
        return { url: `https://store.example/parts/${numberOf(path)}`, headers: {} } as Body;
      }
      return { upload: { ...upload, partsDone: [...kept.keys()] } } as Body;
    },
    async remove(path) {
      log.push(`DELETE ${path}`);
    },
    async send({ url, body }, onPart, signal) {
      signal.throwIfAborted();
      onPart(0.5);
      await fake.beforePart(numberOf(url), url.startsWith("https:"));
      signal.throwIfAborted();
      kept.set(numberOf(url), body);
    },
  };
  const remembered = new Map<string, string>();
  const memory = {
    getItem: (key: string) => remembered.get(key) ?? null,
    setItem: (key: string, value: string) => void remembered.set(key, value),
    removeItem: (key: string) => void remembered.delete(key),
  };
  const progress: number[] = [];
  const start = (signal = new AbortController().signal): Promise<FileInfo> =>
    uploadInParts(server, file, {
      onProgress: (fraction) => progress.push(fraction),
      signal,
      memory,
      firstPauseMs: 1,
    });
  return { fake, start, progress, remembered };
}

test("all parts are sent, each its own bytes, and asked for as a file until it is one", async () => {
  const { fake, start, progress, remembered } = setUp();
  expect(await start()).toMatchObject({ sizeBytes: 450 });
  expect([...fake.kept.keys()].sort()).toEqual([1, 2, 3, 4, 5]);
  for (const [number, part] of fake.kept) {
    const bytes = await file.slice((number - 1) * partBytes, number * partBytes).bytes();
    expect(await part.bytes()).toEqual(bytes);
  }
  expect([progress[0], progress.at(-1)]).toEqual([0, 1]);
  expect(Math.max(...progress)).toBe(1);
  expect(remembered.size).toBe(0);
});

test("a part that fails is sent again, and no other", async () => {
  const { fake, start } = setUp();
  const asked: number[] = [];
  fake.beforePart = async (number) => {
    asked.push(number);
    if (number === 3 && asked.filter((one) => one === 3).length < 4) throw offline();
  };
  await start();
  expect(asked.sort()).toEqual([1, 2, 3, 3, 3, 3, 4, 5]);
});

test("what is refused is not sent again, and ends the others", async () => {
  const { fake, start } = setUp();
  fake.beforePart = async (number) => {
    if (number === 2) throw new ApiError("payload_too_large", "too large", { status: 413 });
    await Bun.sleep(1);
  };
  await expect(start()).rejects.toMatchObject({ code: "payload_too_large" });
  await Bun.sleep(10);
  expect(fake.kept.size).toBeLessThan(5);
  expect(fake.log.some((line) => line.endsWith("/complete"))).toBe(false);
});

test("cut off at the half it goes on with what is missing, also in another page", async () => {
  const { fake, start, progress, remembered } = setUp();
  const leave = new AbortController();
  fake.beforePart = async (number) => {
    if (number <= 2) return;
    while (fake.kept.size < 2) await Bun.sleep(1);
    leave.abort(new Error("the page was closed"));
  };
  await start(leave.signal).catch(() => {});
  expect([...fake.kept.keys()].sort()).toEqual([1, 2]);
  expect(remembered.size).toBe(1);
  expect(fake.log).not.toContain("DELETE /uploads/u1");

  const asked: number[] = [];
  progress.length = 0;
  fake.beforePart = async (number) => void asked.push(number);
  expect(await start()).toMatchObject({ id: "u1", sizeBytes: 450 });
  expect(asked.sort()).toEqual([3, 4, 5]);
  expect(progress[0]).toBeCloseTo(200 / 450);
  expect(remembered.size).toBe(0);
});

test("one that the server has given up begins anew", async () => {
  const { fake, start, remembered } = setUp();
  remembered.set("upload:large.bin:450:7", "long-gone");
  expect(await start()).toMatchObject({ sizeBytes: 450 });
  expect(fake.log.slice(0, 2)).toEqual(["GET /uploads/long-gone", "POST /uploads"]);
});

test("one that is removed is removed on the server, and not remembered", async () => {
  const { fake, start, remembered } = setUp();
  const remove = new AbortController();
  fake.beforePart = async () => remove.abort(uploadRemoved);
  await start(remove.signal).catch(() => {});
  expect(fake.log).toContain("DELETE /uploads/u1");
  expect(remembered.size).toBe(0);
});

test("parts go to the store itself, and through the server where that cannot be reached", async () => {
  const direct = setUp({ isDirect: true });
  await direct.start();
  expect(direct.fake.log.filter((line) => line.includes("/parts/"))).toHaveLength(5);

  const blocked = setUp({ isDirect: true });
  blocked.fake.beforePart = async (_number, isDirect) => {
    if (isDirect) throw offline();
  };
  await blocked.start();
  expect(blocked.fake.kept.size).toBe(5);
});
