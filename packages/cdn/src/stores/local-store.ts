import { randomUUID } from "node:crypto";
import { constants, copyFile, link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { flush, guarded, nullWhereAbsent, toCdnError } from "./local-files.ts";
import { localParts } from "./local-parts.ts";
import { type FileStore, requireKey } from "./store.ts";

/** Names in it are no keys: a file on its way is never found. */
const unfinished = ".unfinished";

/**
 * Files under a directory of this machine.
 *
 * A file is linked or copied to a temporary name, flushed to the disk, and renamed into place, so
 * that after a crash it is there whole or not at all. What a crash left half-way is removed when
 * the store is opened. Several processes may share the directory.
 */
export async function openLocalStore(directory: string): Promise<FileStore> {
  const temporary = join(directory, unfinished);
  await guarded(async () => {
    await mkdir(temporary, { recursive: true });
    for (const name of await readdir(temporary)) {
      const path = join(temporary, name);
      const found = await stat(path).catch(() => null); // another process was faster
      // What comes in parts may take longer, and whoever began it also ends it.
      if (!found?.isFile()) continue;
      if (found.mtimeMs < Date.now() - leftOverAfterMs) await rm(path, { force: true });
    }
  });

  function pathOf(key: string): string {
    requireKey(key);
    return join(directory, ...key.split("/"));
  }

  async function* list(prefix: string) {
    const folder = join(directory, ...prefix.split("/").slice(0, -1));
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return [];
        throw toCdnError(error);
      },
    );
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const key = relative(directory, path).split(sep).join("/");
      if (!entry.isFile() || !key.startsWith(prefix) || key.startsWith(`${unfinished}/`)) continue;
      const found = await stat(path).catch(() => null); // deleted meanwhile
      if (found) yield { key, sizeBytes: found.size };
    }
  }

  return {
    put: (key, path, { signal }) =>
      guarded(async () => {
        const target = pathOf(key);
        const half = join(temporary, randomUUID());
        try {
          signal?.throwIfAborted();
          await linkOrCopy(path, half);
          await flush(half);
          signal?.throwIfAborted();
          await mkdir(dirname(target), { recursive: true });
          await rename(half, target);
        } finally {
          await rm(half, { force: true });
        }
      }),

    size: (key) =>
      guarded(async () => {
        const found = await stat(pathOf(key)).catch(nullWhereAbsent);
        return found?.isFile() ? found.size : null;
      }),

    read: (key, range) =>
      guarded(async () => {
        const file = Bun.file(pathOf(key));
        if (!(await file.exists())) return null;
        return range ? file.slice(range.first, range.last + 1) : file;
      }),

    delete: (key) => guarded(() => rm(pathOf(key), { force: true })),
    list,
    parted: localParts(temporary, pathOf),

    check: () =>
      guarded(async () => {
        const probe = join(temporary, randomUUID());
        await Bun.write(probe, "probe");
        await rm(probe, { force: true });
      }),

    close() {},
  };
}

/** Longer than any copy of one file takes. */
const leftOverAfterMs = 24 * 3600_000;

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw error;
    // Another file system, or one without links.
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}
