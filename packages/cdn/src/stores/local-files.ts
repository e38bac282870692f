import { open } from "node:fs/promises";
import { CdnError } from "../errors.ts";

/** Does something with local files; what goes wrong is a `CdnError`. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toCdnError(error);
  }
}

/** Waits until a file's bytes are on the disk. */
export async function flush(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

export function nullWhereAbsent(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
  throw error;
}

export function toCdnError(error: unknown): unknown {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (name === "AbortError") return new CdnError("aborted", "the work was ended", { cause: error });
  if (code === undefined || error instanceof TypeError) return error;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new CdnError("full", `no room is left on the disk: ${message}`, { cause: error });
  }
  const isDenied = code === "EACCES" || code === "EPERM" || code === "EROFS";
  return new CdnError(isDenied ? "denied" : "unavailable", message, { cause: error });
}
