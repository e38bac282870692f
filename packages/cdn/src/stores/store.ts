/** Bytes from a first to a last position, both included. */
export type ByteRange = { first: number; last: number };

/** What a CDN says that takes the file from the store itself. */
export type ServeAs = {
  mediaType: string;
  cacheControl: string;
  /** Whether a browser shows the file or saves it. */
  contentDisposition?: string;
};

type PutOptions = ServeAs & {
  /** Ends the work; nothing is stored then. */
  signal?: AbortSignal;
};

/** Every part but the last has this many bytes: no more than 10,000 make a file of 80 GB. */
export const partBytes = 8 * 1024 * 1024;

/** A file that is being put together, by its key and by how the store calls the work. */
export type PartedUpload = { key: string; id: string };

/** A part by its number, from 1, with what it must be. */
export type Part = {
  number: number;
  sizeBytes: number;
  /** SHA-256 of its bytes. */
  sha256: Uint8Array;
};

/** A request with which somebody else sends a part to the store; it takes that part alone. */
type SignedPart = { url: string; headers: Record<string, string> };

/**
 * Files that come in parts, in any order, over hours, from several processes: what is there stays
 * until the file is completed or given up.
 */
export type PartedUploads = {
  /** @returns how the store calls the upload */
  begin(key: string, options: ServeAs): Promise<string>;
  /** Stores a part, of which the bytes are a local file. The same part again is no error. */
  put(upload: PartedUpload, part: Part, path: string): Promise<void>;
  /** Lets somebody else send a part; undefined for a store that only this process reaches. */
  readonly sign?: (upload: PartedUpload, part: Part, forSeconds: number) => Promise<SignedPart>;
  /** The parts that are there, by their numbers; null if there is no such upload, or no longer. */
  list(upload: PartedUpload): Promise<number[] | null>;
  /**
   * Makes the parts into the file.
   * @returns false if there is no such upload, or no longer
   */
  complete(upload: PartedUpload): Promise<boolean>;
  /** Removes all uploads of a key that were not completed. */
  abort(key: string): Promise<void>;
};

/**
 * Where files are kept, by keys such as `files/018f…/2b7e…`: segments of letters, digits, `.`, `_`
 * and `-`, separated by slashes.
 *
 * - A file is there whole or not at all: one that is being put, or whose putting was cut off, is
 *   not found, and leaves nothing behind.
 * - Putting the same key again replaces the file, from one moment to the next.
 * - What goes wrong is a `CdnError`; what was not there is `null`, or nothing to delete.
 */
export type FileStore = {
  /**
   * Stores the bytes of a local file. The file stays where it is and must not be written to
   * afterwards: the store may share its blocks. To remove it is the caller's.
   */
  put(key: string, path: string, options: PutOptions): Promise<void>;
  /** @returns the file's size in bytes, or null if there is none */
  size(key: string): Promise<number | null>;
  /**
   * The bytes of a file, or of a range that lies within it.
   * @returns null if there is no such file
   */
  read(key: string, range?: ByteRange): Promise<ReadableStream<Uint8Array> | Blob | null>;
  /** Removes a file; one that is not there counts as removed. */
  delete(key: string): Promise<void>;
  /** All keys that begin so, in no particular order, with their sizes. */
  list(prefix: string): AsyncIterable<{ key: string; sizeBytes: number }>;
  /** Files that come in parts. */
  readonly parted: PartedUploads;
  /** Whether files can be stored now. @throws CdnError saying why not */
  check(): Promise<void>;
  /** Closes idle connections. */
  close(): void;
};

/** @throws TypeError for a key that no caller of ours can make */
export function requireKey(key: string): void {
  if (!/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/.test(key) || key.length > 512) {
    throw new TypeError(`${JSON.stringify(key)} is not a key of a file store`);
  }
}
