import { expect, test } from "bun:test";
import type { MessageFile } from "@peregrine/protocol";
import { ApiError } from "../api/api-error.ts";
import { Attachments } from "./attachments.ts";

/** A server whose uploads the test ends. */
function setUp() {
  const uploads: {
    file: File;
    progress: (fraction: number) => void;
    signal: AbortSignal;
    end: PromiseWithResolvers<MessageFile>;
  }[] = [];
  const deleted: string[] = [];
  const attachments = new Attachments({
    uploadFile(file, progress, signal) {
      const end = Promise.withResolvers<MessageFile>();
      signal.addEventListener("abort", () => end.reject(signal.reason));
      uploads.push({ file, progress, signal, end });
      return end.promise;
    },
    async deleteFile(id) {
      deleted.push(id);
    },
  });
  const states = () => attachments.list.value.map(({ state }) => state.value.name);
  return { attachments, uploads, deleted, states };
}

const named = (name: string, type = "text/plain") => new File(["x"], name, { type });
const stored = (id: string): MessageFile => ({
  id,
  name: `${id}.txt`,
  mediaType: "text/plain",
  sizeBytes: 1,
});

test("a file is uploaded as soon as it is added, and says how far it is", async () => {
  const { attachments, uploads, states } = setUp();
  expect(attachments.add([named("a")])).toBeNull();
  expect(attachments.areReady.value).toBe(false);
  uploads[0]?.progress(0.5);
  expect(attachments.list.value[0]?.state.value).toEqual({ name: "uploading", progress: 0.5 });
  uploads[0]?.end.resolve(stored("1"));
  await Bun.sleep(0);
  expect(states()).toEqual(["ready"]);
  expect(attachments.areReady.value).toBe(true);
  // What comes late changes nothing.
  uploads[0]?.progress(0.9);
  expect(states()).toEqual(["ready"]);
});

test("more than a message takes are left out, and said to be", () => {
  const { attachments, uploads } = setUp();
  const eleven = Array.from({ length: 11 }, (_, i) => named(`${i}`));
  expect(attachments.add(eleven)).toBe("A message takes 10 files. One was left out.");
  expect(attachments.add([named("x"), named("y")])).toBe(
    "A message takes 10 files. 2 were left out.",
  );
  expect(uploads).toHaveLength(10);
});

test("one that is removed is no longer uploaded, or deleted where it was", async () => {
  const { attachments, uploads, deleted } = setUp();
  attachments.add([named("a"), named("b")]);
  uploads[1]?.end.resolve(stored("b"));
  await Bun.sleep(0);
  for (const attachment of attachments.list.value) attachments.remove(attachment);
  expect(uploads[0]?.signal.aborted).toBe(true);
  expect(deleted).toEqual(["b"]);
  expect(attachments.list.value).toEqual([]);
});

test("a failed one says why, and can be tried again where that may help", async () => {
  const { attachments, uploads, states } = setUp();
  attachments.add([named("a"), named("b")]);
  uploads[0]?.end.reject(new ApiError("files_unavailable", "Try again.", { status: 503 }));
  uploads[1]?.end.reject(new ApiError("payload_too_large", "Too large.", { status: 413 }));
  await Bun.sleep(0);
  expect(attachments.list.value.map(({ state }) => state.value)).toEqual([
    { name: "failed", problem: "Try again.", canRetry: true },
    { name: "failed", problem: "Too large.", canRetry: false },
  ]);
  const [first] = attachments.list.value;
  if (first) attachments.retry(first);
  uploads[2]?.end.resolve(stored("a"));
  await Bun.sleep(0);
  expect(states()).toEqual(["ready", "failed"]);
  expect(attachments.areReady.value).toBe(false);
});

test("what was taken for a question comes back where it was refused", async () => {
  const { attachments, uploads } = setUp();
  attachments.add([named("a")]);
  uploads[0]?.end.resolve(stored("a"));
  await Bun.sleep(0);
  const taken = attachments.take();
  expect(taken.files.map(({ id }) => id)).toEqual(["a"]);
  expect(attachments.list.value).toEqual([]);
  attachments.add([named("b")]);
  taken.giveBack();
  expect(attachments.list.value.map(({ source }) => source.name)).toEqual(["a", "b"]);
});

test("a picture has a preview of its own", () => {
  const { attachments } = setUp();
  attachments.add([named("a.png", "image/png"), named("b.svg", "image/svg+xml")]);
  expect(attachments.list.value.map(({ previewUrl }) => previewUrl !== null)).toEqual([
    true,
    false,
  ]);
  attachments.dispose();
});
