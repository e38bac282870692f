import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FileStore } from "@peregrine/cdn";

/** Where the build puts what has a hash in its name, and what the page asks for. */
const folder = "assets";
const atOnce = 4;
/** The compressed forms beside the files: a network that serves from a bucket compresses itself. */
const compressedForm = /\.(br|zst|gz)$/;

export type SyncProgress = {
  key: string;
  sizeBytes: number;
  /** False where it was there already: a name with a hash in it never changes what it holds. */
  isNew: boolean;
  /** How many are through, of how many. */
  done: number;
  total: number;
};

/**
 * Puts the hashed assets of a built web application into a store, those that are not there yet.
 * What older pages ask for stays: a person who has one open still needs it.
 *
 * @throws CdnError if one cannot be stored; those before it are
 */
export async function syncAssets(options: {
  /** The build's output. */
  directory: string;
  store: FileStore;
  onProgress: (progress: SyncProgress) => void;
}): Promise<void> {
  const { directory, store, onProgress } = options;
  const present = new Map<string, number>();
  for await (const { key, sizeBytes } of store.list(`${folder}/`)) present.set(key, sizeBytes);

  const names = (await readdir(join(directory, folder))).filter(
    (name) => !compressedForm.test(name) && !name.startsWith("."),
  );
  let next = 0;
  let done = 0;
  async function work(): Promise<void> {
    for (let name = names[next++]; name !== undefined; name = names[next++]) {
      const key = `${folder}/${name}`;
      const path = join(directory, folder, name);
      const { size: sizeBytes } = await stat(path);
      const isNew = present.get(key) !== sizeBytes;
      if (isNew) {
        await store.put(key, path, {
          mediaType: Bun.file(path).type,
          cacheControl: "public, max-age=31536000, immutable",
        });
      }
      onProgress({ key, sizeBytes, isNew, done: ++done, total: names.length });
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work));
}
