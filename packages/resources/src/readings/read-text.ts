import { readFile } from "node:fs/promises";

/** @returns null for a file that is not there or may not be read */
export async function readText(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null);
}
