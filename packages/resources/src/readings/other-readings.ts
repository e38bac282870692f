import { readdir, statfs } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import { join } from "node:path";
import type { Reading } from "../reading.ts";
import type { Container } from "./container.ts";
import { parseMemory, parseOpenFilesLimit } from "./kernel-text.ts";
import { readText } from "./read-text.ts";

/** The machine's memory, or the container's where that is fuller. */
export async function readMemory(
  procDirectory: string,
  container: Container,
): Promise<Reading["memory"]> {
  const [meminfo, group] = await Promise.all([
    readText(join(procDirectory, "meminfo")),
    container.memory(),
  ]);
  const machine = (meminfo && parseMemory(meminfo)) || {
    totalBytes: totalmem(),
    availableBytes: freemem(),
  };
  const usedBytes = machine.totalBytes - machine.availableBytes;
  const processBytes = process.memoryUsage.rss();
  const fraction = usedBytes / machine.totalBytes;
  if (group && group.usedBytes / group.limitBytes >= fraction) {
    const { usedBytes, limitBytes } = group;
    const fraction = Math.min(1, usedBytes / limitBytes);
    return { fraction, usedBytes, limitBytes, processBytes, limitedBy: "container" };
  }
  const limitBytes = machine.totalBytes;
  return { fraction, usedBytes, limitBytes, processBytes, limitedBy: "machine" };
}

/** What is free to us, which is less than what is free: file systems keep a share for root. */
export async function readDisk(directory: string): Promise<Reading["disk"]> {
  try {
    const { blocks, bfree, bavail, bsize } = await statfs(directory);
    const usedBlocks = blocks - bfree;
    const ours = usedBlocks + bavail;
    if (ours <= 0) return null;
    return {
      fraction: usedBlocks / ours,
      freeBytes: bavail * bsize,
      totalBytes: ours * bsize,
    };
  } catch {
    return null;
  }
}

export async function readOpenFiles(procDirectory: string): Promise<Reading["files"]> {
  const [entries, limits] = await Promise.all([
    readdir(join(procDirectory, "self/fd")).catch(() => null),
    readText(join(procDirectory, "self/limits")),
  ]);
  const limit = limits === null ? null : parseOpenFilesLimit(limits);
  if (!entries || limit === null) return null;
  // Reading the directory opens it.
  const open = Math.max(0, entries.length - 1);
  return { open, limit, fraction: Math.min(1, open / limit) };
}
