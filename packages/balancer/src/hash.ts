/**
 * 32-bit hashes that come out the same in every process, so that several doors send one key to one
 * server without talking to each other. Not for anything that an attacker gains by colliding.
 */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return scramble(hash);
}

/** Joins two hashes into one in which each bit depends on all of both. */
export function joinHashes(left: number, right: number): number {
  return scramble(left ^ Math.imul(right, 0x9e3779b1));
}

/** A hash as a fraction, above 0 and below 1. */
export function hashFraction(hash: number): number {
  return (hash + 0.5) / 0x1_0000_0000;
}

function scramble(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
