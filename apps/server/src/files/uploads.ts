import { setTimeout as sleep } from "node:timers/promises";
import { type FileStore, partBytes } from "@peregrine/cdn";
import { type Database, newId, type StoredFile, type StoredUpload } from "@peregrine/database";
import type { Log } from "@peregrine/process";
import { limits, type SignedPartBody, type UploadInfo } from "@peregrine/protocol";
import { ApiError, notFound } from "../http/api-error.ts";
import { requireFileName } from "./file-name.ts";
import { type Files, toApiError } from "./files.ts";
import { inspectObject } from "./inspect-object.ts";
import { receivePart } from "./receive-part.ts";

type Options = {
  database: Database;
  store: FileStore;
  files: Files;
  log: Log;
  /** Where parts wait, and what is read of a finished file. */
  directory: string;
  maxBytes: number;
  ttlSeconds: number;
  /** Whether clients may be given signed addresses of the store. */
  isDirect: boolean;
};

/** For a part of 8 MB over a slow line. */
const signedForSeconds = 3600;
/** A server that looks at a file says so anew at half of this. */
const checkLeaseSeconds = 60;
/** A client is told to ask again then, long before a proxy gives up on a silent connection. */
const answerWithinMs = 20_000;
const sweptAtOnce = 1000;
/** Ends what is in the store when nothing came of it. */
const announcedForSeconds = 6 * 3600;
/** A bucket cannot know what a file is before it is whole. Whoever has it from there saves it. */
const servedAs = {
  mediaType: "application/octet-stream",
  cacheControl: "private, max-age=31536000, immutable",
  contentDisposition: "attachment",
};

/**
 * Large files that come in parts: in any order, several at once, over hours and several servers, so
 * that after a cut only the parts under way are sent again. Each part is bound to its size and
 * SHA-256, whether it comes through this server or straight to the store.
 *
 * When all are there the whole is read once, to see what it is, before there is a file for anybody.
 * An upload that does not go on for `ttlSeconds` is given up, and removed from the store.
 */
export class Uploads {
  readonly #options: Options;
  readonly #checks = new Map<string, Promise<StoredFile>>();
  readonly #stopped = new AbortController();

  constructor(options: Options) {
    this.#options = options;
  }

  /** @throws ApiError invalid_request, payload_too_large, limit_reached or files_unavailable */
  async begin(userId: string, wanted: { name: string; sizeBytes: number }): Promise<UploadInfo> {
    const { database, store, maxBytes, ttlSeconds } = this.#options;
    const name = requireFileName(wanted.name);
    if (wanted.sizeBytes > maxBytes) {
      throw new ApiError(
        "payload_too_large",
        `The file is larger than ${maxBytes.toLocaleString("en")} bytes.`,
      );
    }
    const id = newId();
    const objectKey = `files/${userId}/parts/${id}`;
    const atMost = limits.openUploadsPerUser;
    const { sizeBytes } = wanted;
    const upload = { id, userId, name, sizeBytes, objectKey, ttlSeconds, atMost };
    // Before the store knows of it, so that whatever it is left with can be found.
    const made = await database.uploads.create(upload);
    if (!made) {
      throw new ApiError("limit_reached", `${atMost} uploads are under way. Finish or delete one.`);
    }
    try {
      const storeId = await store.parted.begin(objectKey, servedAs);
      await database.uploads.begun(id, storeId);
    } catch (error) {
      await database.uploads.delete(id);
      throw toApiError(error);
    }
    return this.#info(made, []);
  }

  /** @throws ApiError not_found */
  async get(userId: string, id: string): Promise<UploadInfo> {
    const { upload, parted } = await this.#find(userId, id);
    const parts = await inStore(this.#options.store.parted.list(parted));
    if (!parts) throw notFound("upload");
    return this.#info(upload, parts);
  }

  /** Takes a part from a request's body. @throws ApiError */
  async receive(userId: string, id: string, number: number, request: Request): Promise<void> {
    const { upload, parted } = await this.#find(userId, id);
    const sizeBytes = sizeOfPart(upload, number);
    const part = await receivePart(request, this.#options.directory, sizeBytes);
    try {
      const { sha256, path } = part;
      await inStore(this.#options.store.parted.put(parted, { number, sizeBytes, sha256 }, path));
    } finally {
      await part.discard();
    }
  }

  /** Lets the client send a part straight to the store. @throws ApiError */
  async sign(userId: string, id: string, number: number, sha256: Uint8Array) {
    const { sign } = this.#options.store.parted;
    if (!this.#options.isDirect || !sign) {
      throw new ApiError("invalid_request", "Parts are sent to this server: PUT them here.");
    }
    const { upload, parted } = await this.#find(userId, id);
    const sizeBytes = sizeOfPart(upload, number);
    const signed = await inStore(sign(parted, { number, sizeBytes, sha256 }, signedForSeconds));
    const expiresAt = new Date(Date.now() + signedForSeconds * 1000).toISOString();
    return { ...signed, expiresAt } satisfies SignedPartBody;
  }

  /**
   * Makes the parts into a file. Where that takes long, or another server is at it, it gives the
   * upload, and is to be asked again. Asked again afterwards, it gives the same file.
   *
   * @throws ApiError upload_incomplete while parts are missing, and what `Files.adopt` throws
   */
  async complete(userId: string, id: string): Promise<StoredFile | UploadInfo> {
    const { database, store } = this.#options;
    const before = await database.files.get(userId, id);
    if (before) return before;
    const { upload, parted } = await this.#find(userId, id);
    const expected = countParts(upload);
    let check = this.#checks.get(id);
    if (!check) {
      const parts = await inStore(store.parted.list(parted));
      // None: a server that made them into the object died before it had looked at it.
      const missing = parts ? expected - parts.length : 0;
      if (missing > 0) {
        throw new ApiError("upload_incomplete", `${missing} of ${expected} parts are missing.`);
      }
      if (await database.uploads.claimCheck(id, checkLeaseSeconds)) {
        check = this.#check(upload).finally(() => this.#checks.delete(id));
        this.#checks.set(id, check);
      }
    }
    const allParts = Array.from({ length: expected }, (_, i) => i + 1);
    const notYet = new AbortController();
    try {
      const later = sleep(answerWithinMs, null, { signal: notYet.signal }).catch(() => null);
      const file = await Promise.race([check ?? sleep(1000, null), later]);
      return file ?? this.#info(upload, allParts);
    } finally {
      notYet.abort();
      // Whoever asks again is told of it.
      check?.catch(() => {});
    }
  }

  /** Gives an upload up. @throws ApiError not_found */
  async abort(userId: string, id: string): Promise<void> {
    const { upload } = await this.#find(userId, id);
    await inStore(this.#remove(upload));
  }

  /** Removes what was given up; what cannot be removed now is left for the next time. @returns how many */
  async sweep(): Promise<number> {
    const { database, log } = this.#options;
    let removed = 0;
    for (const upload of await database.uploads.expired(sweptAtOnce)) {
      if (this.#stopped.signal.aborted) break;
      try {
        await this.#remove(upload);
        removed++;
      } catch (err) {
        log.warn({ err, upload: upload.id }, "an upload that was given up was not removed");
      }
    }
    return removed;
  }

  /** What is looked at is left to whoever asks another server for it. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.allSettled(this.#checks.values());
  }

  async #find(userId: string, id: string) {
    const { database, ttlSeconds } = this.#options;
    const upload = await database.uploads.touch(userId, id, ttlSeconds);
    if (!upload?.storeId) throw notFound("upload");
    return { upload, parted: { key: upload.objectKey, id: upload.storeId } };
  }

  async #check(upload: StoredUpload): Promise<StoredFile> {
    const { database, log } = this.#options;
    try {
      const file = await this.#makeFile(upload);
      await database.uploads.delete(upload.id);
      return file;
    } catch (error) {
      const known = toApiError(error);
      const isRefused = known instanceof ApiError && known.status < 500;
      if (isRefused) await this.#refuse(upload);
      else await database.uploads.extendCheck(upload.id, 0);
      if (!isRefused) log.warn({ err: error, upload: upload.id }, "an upload was not finished");
      throw known;
    }
  }

  async #makeFile(upload: StoredUpload): Promise<StoredFile> {
    const { database, store, files, directory } = this.#options;
    const { id, userId, name, objectKey, storeId } = upload;
    await database.files.announce({ id, objectKey, withinSeconds: announcedForSeconds });
    await store.parted.complete({ key: objectKey, id: storeId ?? "" });
    let extendedMs = performance.now();
    const alive = async () => {
      this.#stopped.signal.throwIfAborted();
      if (performance.now() - extendedMs < (checkLeaseSeconds * 1000) / 2) return;
      extendedMs = performance.now();
      await database.uploads.extendCheck(id, checkLeaseSeconds);
    };
    const found = await inspectObject(store, { key: objectKey, name }, directory, alive);
    if (!found) throw notFound("upload");
    try {
      if (found.sizeBytes !== upload.sizeBytes) {
        throw new ApiError(
          "invalid_request",
          `The parts make ${found.sizeBytes} bytes and not ${upload.sizeBytes}.`,
        );
      }
      const { mediaType, sizeBytes, hash, textPath } = found;
      const object = { id, userId, name, mediaType, sizeBytes, hash, objectKey, textPath };
      return await files.adopt(object);
    } finally {
      await found.discard();
    }
  }

  /** Nothing of it is kept. */
  async #refuse({ id, objectKey }: StoredUpload): Promise<void> {
    const { database } = this.#options;
    await database.files.announce({ id, objectKey, withinSeconds: 0 });
    await database.uploads.delete(id);
  }

  async #remove({ id, objectKey }: StoredUpload): Promise<void> {
    const { database, store } = this.#options;
    await store.parted.abort(objectKey);
    // Of a server that died when it had made the parts into the object.
    if (!(await database.files.getOfAnyone(id))) await store.delete(objectKey);
    await database.uploads.delete(id);
  }

  #info({ id, name, sizeBytes, expiresAt }: StoredUpload, partsDone: number[]): UploadInfo {
    const { isDirect } = this.#options;
    return { id, name, sizeBytes, partBytes, partsDone, isDirect, expiresAt };
  }
}

async function inStore<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toApiError(error);
  }
}

function countParts({ sizeBytes }: StoredUpload): number {
  return Math.ceil(sizeBytes / partBytes);
}

function sizeOfPart(upload: StoredUpload, number: number): number {
  const count = countParts(upload);
  if (number >= 1 && number <= count) {
    return number < count ? partBytes : upload.sizeBytes - (count - 1) * partBytes;
  }
  throw new ApiError("invalid_request", `This file has the parts 1 to ${count}, not ${number}.`, {
    field: "number",
  });
}
