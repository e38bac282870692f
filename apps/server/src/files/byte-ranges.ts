import type { ByteRange } from "@peregrine/cdn";
import { ApiError } from "../http/api-error.ts";

const maxHeaderLength = 4096;
/** A client that wants more pieces than this of one file wants to cost us something. */
const maxRanges = 10;

/**
 * The range that `Range` asks for (RFC 9110, 14.2). Null for the whole file: without the header,
 * where it makes no sense, and where it asks for several ranges, which a server may leave be.
 *
 * @returns "unsatisfiable" for ranges that lie outside of the file, overlap, or are many
 * @throws ApiError header_too_large
 */
export function parseRange(
  header: string | null,
  sizeBytes: number,
): ByteRange | null | "unsatisfiable" {
  if (header === null) return null;
  if (header.length > maxHeaderLength) {
    throw new ApiError(
      "header_too_large",
      `Range has ${header.length} characters; ${maxHeaderLength} are read.`,
      { field: "Range" },
    );
  }
  const list = /^bytes=\s*(.*)$/i.exec(header.trim())?.[1];
  if (list === undefined) return null;
  const ranges: ByteRange[] = [];
  for (const piece of list.split(",")) {
    const match = /^\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/.exec(piece);
    if (!match || (match[1] === "" && match[2] === "")) return null;
    const range = toRange(match[1] as string, match[2] as string, sizeBytes);
    if (range === null) return null;
    if (range.first <= range.last) ranges.push(range);
  }
  if (ranges.length === 0 || ranges.length > maxRanges || overlap(ranges)) return "unsatisfiable";
  return ranges.length === 1 ? (ranges[0] as ByteRange) : null;
}

/** One that lies outside of the file has its last before its first; null for one that is not a range. */
function toRange(first: string, last: string, sizeBytes: number): ByteRange | null {
  if (first === "") return { first: Math.max(0, sizeBytes - Number(last)), last: sizeBytes - 1 };
  if (last !== "" && Number(last) < Number(first)) return null;
  return {
    first: Number(first),
    last: Math.min(last === "" ? Number.POSITIVE_INFINITY : Number(last), sizeBytes - 1),
  };
}

function overlap(ranges: ByteRange[]): boolean {
  const sorted = [...ranges].sort((a, b) => a.first - b.first);
  return sorted.some((range, i) => i > 0 && range.first <= (sorted[i - 1] as ByteRange).last);
}
