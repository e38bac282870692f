/** Bytes from a first to a last position, both included. */
export type ByteRange = { first: number; last: number };

type PutOptions = {
  mediaType: string;
  /** Sent by a CDN that takes the file from the store itself. */
  cacheControl: string;
  /** Whether a browser shows the file or saves it; likewise. */
  contentDisposition?: string;
  /** Ends the work; nothing is stored then. */
  signal?: AbortSignal;
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
