import { expect, test } from "bun:test";
import { newId } from "../ids.ts";
import { questionOf, useDatabase } from "../testing/use-database.ts";
import type { NewFile } from "./files.ts";

const fixture = useDatabase();

const hashOf = (text: string) =>
  new Uint8Array(new Bun.CryptoHasher("sha256").update(text).digest());

function fileOf(userId: string, content: string, document: string | null = content): NewFile {
  const id = newId();
  return {
    id,
    userId,
    name: "notes.txt",
    mediaType: "text/plain",
    sizeBytes: 5_000_000_000,
    hash: hashOf(content),
    objectKey: `files/${userId}/${id}`,
    document: document === null ? null : { id: newId(), content: document, isCut: false },
  };
}

async function keep(file: NewFile) {
  const { files } = fixture.database;
  await files.announce({ id: file.id, objectKey: file.objectKey, withinSeconds: 3600 });
  const kept = await files.create(file);
  if (!kept) throw new Error("the announcement has lapsed");
  return kept;
}

/** Takes the removals that are due until there are none, and ends each as through. */
async function removeAll() {
  const removed: { objectKey: string; isShared: boolean }[] = [];
  for (;;) {
    const batch = await fixture.database.fileRemovals.claim(newId(), 60);
    if (!batch) return removed;
    for (const { objectKey, isShared } of batch.removals) removed.push({ objectKey, isShared });
    await fixture.database.fileRemovals.finish(batch.id, 0);
  }
}

test("a file is read by its owner alone", async () => {
  const [owner, other] = [await fixture.makeUser(), await fixture.makeUser()];
  const kept = await keep(fileOf(owner, "one"));
  expect(kept).toMatchObject({ sizeBytes: 5_000_000_000, hasText: true, userId: owner });
  expect(kept.hash).toBe(Buffer.from(hashOf("one")).toString("hex"));
  expect(await fixture.database.files.get(owner, kept.id)).toEqual(kept);
  expect(await fixture.database.files.get(other, kept.id)).toBeNull();
  expect(await fixture.database.files.getOfAnyone(kept.id)).toEqual(kept);
  expect(await fixture.database.files.delete(other, kept.id)).toBe(false);
  expect(await fixture.database.files.get(owner, kept.id)).toEqual(kept);
});

test("the same content shares the object and the text, within one owner", async () => {
  const [owner, other] = [await fixture.makeUser(), await fixture.makeUser()];
  const first = await keep(fileOf(owner, "same"));
  const again = {
    id: newId(),
    documentId: newId(),
    userId: owner,
    name: "copy.txt",
    hash: hashOf("same"),
  };
  const second = await fixture.database.files.createFromSame(again);
  expect(second).toMatchObject({ name: "copy.txt", objectKey: first.objectKey, hasText: true });
  expect(
    await fixture.database.files.createFromSame({ ...again, id: newId(), userId: other }),
  ).toBeNull();
});

test("an object is removed with the last file that has it, and not before", async () => {
  await removeAll();
  const owner = await fixture.makeUser();
  const first = await keep(fileOf(owner, "shared"));
  const second = await fixture.database.files.createFromSame({
    id: newId(),
    documentId: newId(),
    userId: owner,
    name: "copy.txt",
    hash: hashOf("shared"),
  });
  await fixture.database.files.delete(owner, first.id);
  expect(await removeAll()).toEqual([{ objectKey: first.objectKey, isShared: true }]);
  await fixture.database.files.delete(owner, second?.id ?? "");
  expect(await removeAll()).toEqual([{ objectKey: first.objectKey, isShared: false }]);
});

test("an object that was announced and never taken up is removed, one that was is not", async () => {
  await removeAll();
  const owner = await fixture.makeUser();
  const { files } = fixture.database;
  await files.announce({ id: newId(), objectKey: "files/lost", withinSeconds: 0 });
  const kept = fileOf(owner, "kept");
  await files.announce({ id: kept.id, objectKey: kept.objectKey, withinSeconds: 0 });
  expect(await files.create(kept)).not.toBeNull();
  expect(await removeAll()).toEqual([{ objectKey: "files/lost", isShared: false }]);
});

test("an upload that comes after its announcement lapsed is refused", async () => {
  await removeAll();
  const late = fileOf(await fixture.makeUser(), "late");
  const { files } = fixture.database;
  await files.announce({ id: late.id, objectKey: late.objectKey, withinSeconds: 0 });
  await removeAll();
  expect(await files.create(late)).toBeNull();
  expect(await files.get(late.userId, late.id)).toBeNull();
});

test("a removal that failed waits, is seen, and comes again in the same batch", async () => {
  await removeAll();
  const owner = await fixture.makeUser();
  const { fileRemovals, files } = fixture.database;
  const kept = [await keep(fileOf(owner, "x")), await keep(fileOf(owner, "y"))];
  for (const file of kept) await files.delete(owner, file.id);
  const batch = await fileRemovals.claim(newId(), 60);
  expect(batch?.removals).toHaveLength(2);
  expect(await fileRemovals.claim(newId(), 60)).toBeNull();
  await fileRemovals.postpone(batch?.id ?? "", 0, "the store is away");
  // One that comes due meanwhile is not mixed into it.
  const third = await keep(fileOf(owner, "z"));
  await files.delete(owner, third.id);
  expect(await fileRemovals.state()).toMatchObject({
    waiting: 3,
    failing: 2,
    lastError: "the store is away",
  });
  const batches = [await fileRemovals.claim(newId(), 60), await fileRemovals.claim(newId(), 60)];
  const again = batches.find((one) => one?.id === batch?.id);
  expect(again?.removals.map((one) => one.fileId).sort()).toEqual(kept.map(({ id }) => id).sort());
  for (const one of batches) await fileRemovals.finish(one?.id ?? "", 0);
  expect(await fileRemovals.state()).toMatchObject({ waiting: 0, failing: 0, lastError: null });
});

test("two servers never take the same removal", async () => {
  await removeAll();
  const owner = await fixture.makeUser();
  for (let i = 0; i < 150; i++) {
    await fixture.database.files.announce({
      id: newId(),
      objectKey: `files/${owner}/${i}`,
      withinSeconds: 0,
    });
  }
  const claims = await Promise.all(
    Array.from({ length: 6 }, () => fixture.database.fileRemovals.claim(newId(), 60)),
  );
  const keys = claims.flatMap((batch) => batch?.removals.map((one) => one.objectKey) ?? []);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.length).toBeGreaterThanOrEqual(100);
});

test("the texts of messages come in order, cut to what is asked for", async () => {
  const userId = await fixture.makeUser();
  const conversationId = await fixture.makeConversation(userId);
  const files = [
    await keep(fileOf(userId, "first text")),
    await keep(fileOf(userId, "picture", null)),
    await keep(fileOf(userId, "second")),
  ];
  const question = { ...questionOf(userId, conversationId), fileIds: files.map(({ id }) => id) };
  const begun = await fixture.database.answers.ask(question);
  if (typeof begun === "string") throw new Error(begun);
  const texts = await fixture.database.documents.ofMessages([question.questionId], 6);
  expect(texts.map(({ content, isCut }) => [content, isCut])).toEqual([
    ["first ", true],
    [null, false],
    ["second", false],
  ]);
  expect(await fixture.database.files.conversationsOf(userId, files[0]?.id ?? "")).toEqual([
    conversationId,
  ]);
  const stranger = await fixture.makeUser();
  expect(await fixture.database.files.conversationsOf(stranger, files[0]?.id ?? "")).toEqual([]);
  // A later question is told which message has files, and deleted files are gone with their text.
  await fixture.database.answers.finish({
    userId,
    conversationId,
    answerId: question.answerId,
    serverId: question.serverId,
    content: "Because.",
    status: "complete",
    model: null,
    usage: null,
    error: null,
    preview: null,
  });
  await fixture.database.files.delete(userId, files[0]?.id ?? "");
  const later = await fixture.database.answers.prompt({
    ...questionOf(userId, conversationId),
    history: { messages: 100, bytes: 100_000 },
  });
  expect(later?.history).toEqual([
    { role: "user", content: "Why?", withFiles: question.questionId },
    { role: "assistant", content: "Because." },
  ]);
  expect(await fixture.database.documents.ofMessages([question.questionId], 6)).toHaveLength(2);
});

test("only a file that no message has and that is private is deleted as unattached", async () => {
  const userId = await fixture.makeUser();
  const { files, answers, fileSweeps } = fixture.database;
  const [attached, shown, lost] = [
    await keep(fileOf(userId, "attached")),
    await keep(fileOf(userId, "shown")),
    await keep(fileOf(userId, "lost")),
  ];
  const conversationId = await fixture.makeConversation(userId);
  const question = { ...questionOf(userId, conversationId), fileIds: [attached.id] };
  expect(typeof (await answers.ask(question))).toBe("object");
  expect(await files.setPublic(userId, shown.id, true)).toEqual({ ...shown, isPublic: true });
  expect(await files.getPublic(hashOf("shown"))).toMatchObject({ id: shown.id });
  const found = await fileSweeps.unattached("00000000-0000-7000-8000-000000000000", 0, 1000);
  const ids = found.map(({ id }) => id);
  expect([attached.id, shown.id, lost.id].map((id) => ids.includes(id))).toEqual([
    false,
    false,
    true,
  ]);
  const stranger = await fixture.makeUser();
  expect(await files.deleteUnattached(stranger, lost.id)).toBe(false);
  for (const [file, isDeleted] of [
    [attached, false],
    [shown, false],
    [lost, true],
    [lost, false],
  ] as const) {
    expect(await files.deleteUnattached(userId, file.id)).toBe(isDeleted);
  }
  expect(await files.setPublic(stranger, shown.id, false)).toBeNull();
  expect(await files.setPublic(userId, shown.id, false)).toEqual(shown);
  expect(await files.getPublic(hashOf("shown"))).toBeNull();
});

test("a job is one server's at a time, and comes again after its time", async () => {
  const { scheduledJobs } = fixture.database;
  const claims = await Promise.all(
    Array.from({ length: 6 }, () => scheduledJobs.claim("sweep", 3600, 60)),
  );
  expect(claims.filter((isOurs) => isOurs)).toHaveLength(1);
  expect(await scheduledJobs.last("sweep")).toBeNull();
  await scheduledJobs.finish("sweep", { swept: 3 });
  expect((await scheduledJobs.last("sweep"))?.result).toEqual({ swept: 3 });
  expect(await scheduledJobs.claim("sweep", 3600, 60)).toBe(false);
  expect(await scheduledJobs.claim("sweep", 0, 60)).toBe(true);
  // Its server could not do it: another may at once.
  await scheduledJobs.release("sweep");
  expect(await scheduledJobs.claim("sweep", 0, 0)).toBe(true);
  // Its server died.
  expect(await scheduledJobs.claim("sweep", 0, 60)).toBe(true);
});
