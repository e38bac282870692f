import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { flush, guarded, nullWhereAbsent } from "./local-files.ts";
import { type PartedUploads, partBytes } from "./store.ts";

const data = "data";

/**
 * Files that come to a directory in parts. Each upload has a folder, named after its key: one file
 * that every part is written into at its place and flushed, and then an empty file with the part's
 * number, so that after a crash only what is safe counts. To complete it is a rename, however large
 * the file. Two that send different bytes as the same part at once get a mixture, which is theirs.
 *
 * @param temporary where nothing is found by a key
 */
export function localParts(temporary: string, pathOf: (key: string) => string): PartedUploads {
  const folderOf = (key: string) => {
    pathOf(key); // refuses what is no key
    return join(temporary, key.replaceAll("/", "+"));
  };

  async function numbers(key: string): Promise<number[] | null> {
    const names = await readdir(folderOf(key)).catch(nullWhereAbsent);
    if (!names?.includes(data)) return null;
    return names
      .filter((name) => name !== data)
      .map(Number)
      .sort((a, b) => a - b);
  }

  return {
    begin: (key) =>
      guarded(async () => {
        const folder = folderOf(key);
        await mkdir(folder, { recursive: true });
        await (await open(join(folder, data), "a", 0o600)).close();
        return "local";
      }),

    put: ({ key }, { number }, path) =>
      guarded(async () => {
        const folder = folderOf(key);
        // Never made here: an upload that was given up stays so.
        const file = await open(join(folder, data), "r+");
        try {
          let position = (number - 1) * partBytes;
          for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) {
            await file.write(piece, 0, piece.length, position);
            position += piece.length;
          }
          await file.datasync();
        } finally {
          await file.close();
        }
        await (await open(join(folder, String(number)), "w", 0o600)).close();
      }),

    list: ({ key }) => guarded(() => numbers(key)),

    complete: ({ key }) =>
      guarded(async () => {
        const folder = folderOf(key);
        if (!(await numbers(key))) return false;
        const target = pathOf(key);
        await flush(join(folder, data));
        await mkdir(dirname(target), { recursive: true });
        await rename(join(folder, data), target);
        await rm(folder, { recursive: true, force: true });
        return true;
      }),

    abort: (key) => guarded(() => rm(folderOf(key), { recursive: true, force: true })),
  };
}
