/** From the first byte up to but not including `end`. */
export type Span = { readonly start: number; readonly end: number };

/**
 * Reads a Range field for a body of this length.
 *
 * @returns undefined where the field is to be ignored and everything sent: another unit, a fault, or
 *   more than one range, since each costs a part of its own and nobody needs them
 */
export function readByteRange(value: string, length: number): Span | "unsatisfiable" | undefined {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(value);
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const wanted = Number(last);
    if (wanted === 0 || length === 0) return "unsatisfiable";
    return { start: Math.max(0, length - wanted), end: length };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= length) return "unsatisfiable";
  return { start, end: last === "" ? length : Math.min(length, Number(last) + 1) };
}
