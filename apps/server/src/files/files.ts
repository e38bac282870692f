import { CdnError, type FileStore } from "@peregrine/cdn";
import { type Database, newId, type StoredFile } from "@peregrine/database";
import { ApiError, notFound } from "../http/api-error.ts";
import type { FileRemovals } from "./file-removals.ts";
import { isShown, mediaTypeOf } from "./media-type.ts";
import type { ReceivedFile } from "./receive-file.ts";
import { contentDisposition } from "./serve-content.ts";
import { type ExtractedText, extractText } from "./text/extract-text.ts";
import type { PdfText } from "./text/pdf-text.ts";

type Dependencies = {
  database: Database;
  store: FileStore;
  removals: FileRemovals;
  pdfText: PdfText;
};

/** What was found in the store, and looked at. */
type StoredObject = {
  id: string;
  userId: string;
  name: string;
  mediaType: string;
  sizeBytes: number;
  hash: Uint8Array;
  objectKey: string;
  /** Where its text can be taken from; null for one without. */
  textPath: string | null;
};

/** An object that no file took up within this is removed again. */
const announcedForSeconds = 3600;
/** Ends before that, so that nothing is stored that was given up. */
const storeWithinMs = 50 * 60_000;
/** Sent by a CDN that takes the object from the bucket. The address is signed and has an end. */
const objectCacheControl = "private, max-age=31536000, immutable";

/** The files that people upload: kept once for each owner and content, with their text. */
export class Files {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * Keeps a file that has arrived. The caller discards what arrived afterwards.
   *
   * @throws ApiError files_unavailable, files_full or unreadable_file; nothing is kept then
   */
  async keep(userId: string, received: ReceivedFile): Promise<StoredFile> {
    const { database } = this.#deps;
    const { name, hash } = received;
    const id = newId();
    const documentId = newId();
    const same = await database.files.createFromSame({ id, documentId, userId, name, hash });
    if (same) return same;
    const mediaType = mediaTypeOf(received.head, name);
    const text = await extractText(received.path, mediaType, this.#deps.pdfText);
    const objectKey = `files/${userId}/${Buffer.from(hash).toString("hex")}/${id}`;
    await database.files.announce({ id, objectKey, withinSeconds: announcedForSeconds });
    await this.#store(objectKey, received, mediaType);
    const { sizeBytes } = received;
    return this.#create({ id, userId, name, mediaType, sizeBytes, hash, objectKey }, text);
  }

  /**
   * Makes an object that is in the store, and announced, into a file with its id. Where its owner
   * has the same content already, that object is shared, and this one removed in time.
   *
   * @throws ApiError files_unavailable or unreadable_file; the object is removed in time then
   */
  async adopt(object: StoredObject): Promise<StoredFile> {
    const { database, pdfText } = this.#deps;
    const { id, userId, name, hash } = object;
    const documentId = newId();
    const same = await database.files.createFromSame({ id, documentId, userId, name, hash });
    if (same) return same;
    const { mediaType, textPath } = object;
    const text = textPath === null ? null : await extractText(textPath, mediaType, pdfText);
    return this.#create(object, text);
  }

  /** @throws ApiError not_found */
  async get(userId: string, id: string): Promise<StoredFile> {
    const file = await this.#deps.database.files.get(userId, id);
    if (!file) throw notFound("file");
    return file;
  }

  /**
   * Lets everybody have a file, or its owner alone again: then it is purged from all caches.
   * @throws ApiError not_found
   */
  async setPublic(userId: string, id: string, isPublic: boolean): Promise<StoredFile> {
    const file = await this.#deps.database.files.setPublic(userId, id, isPublic);
    if (!file) throw notFound("file");
    this.#deps.removals.wake();
    return file;
  }

  /**
   * Deletes a file with its text. Its bytes go from the store and from all caches soon after.
   * @throws ApiError not_found
   */
  async delete(userId: string, id: string): Promise<void> {
    if (!(await this.#deps.database.files.delete(userId, id))) throw notFound("file");
    this.#deps.removals.wake();
  }

  async #create(
    { id, userId, name, mediaType, sizeBytes, hash, objectKey }: Omit<StoredObject, "textPath">,
    text: ExtractedText | null,
  ): Promise<StoredFile> {
    const document = text && { id: newId(), ...text };
    const file = { id, userId, name, mediaType, sizeBytes, hash, objectKey, document };
    const kept = await this.#deps.database.files.create(file);
    if (!kept) throw unavailable(new Error("the announcement of the object lapsed"));
    return kept;
  }

  async #store(objectKey: string, received: ReceivedFile, mediaType: string): Promise<void> {
    try {
      await this.#deps.store.put(objectKey, received.path, {
        mediaType: isShown(mediaType) ? mediaType : "application/octet-stream",
        cacheControl: objectCacheControl,
        contentDisposition: contentDisposition(received.name, mediaType),
        signal: AbortSignal.timeout(storeWithinMs),
      });
    } catch (error) {
      throw toApiError(error);
    }
  }
}

/** What a client is told of a store that fails. */
export function toApiError(error: unknown): unknown {
  if (!(error instanceof CdnError)) return error;
  if (error.code !== "full") return unavailable(error);
  return new ApiError("files_full", "There is no room for the file here.", { cause: error });
}

function unavailable(cause: unknown): ApiError {
  return new ApiError("files_unavailable", "Files cannot be stored or read now. Try again.", {
    cause,
    retryAfterSeconds: 5,
  });
}
