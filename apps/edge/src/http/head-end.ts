import { cr, lf } from "./characters.ts";

const emptyLine = Buffer.from("\r\n\r\n");

/** Where the head in these bytes ends, after its empty line; -1 where it is not all there. */
export function findHeadEnd(bytes: Buffer): number {
  const at = bytes.indexOf(emptyLine);
  return at < 0 ? -1 : at + 4;
}

/**
 * Whether what has come of a head can still become one. A line feed without its carriage return is
 * found at once, so that its sender is not left waiting for the time limit.
 */
export function isHopeless(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(lf); at >= 0; at = bytes.indexOf(lf, at + 1)) {
    if (bytes[at - 1] !== cr) return true;
  }
  return false;
}
