/** Bytes to be written before anything else is composed: they are overwritten then. */
export type Borrowed = Uint8Array;

const scratch = Buffer.allocUnsafe(64 * 1024);

/**
 * A head and the first bytes of its body side by side, so that they leave in one write. Heads are
 * latin1, so that bytes beyond ASCII pass through unchanged.
 *
 * @returns undefined where they do not fit; they are then written one after the other
 */
export function compose(head: string, body: Uint8Array | undefined): Borrowed | undefined {
  const bodyBytes = body === undefined ? 0 : body.length;
  if (head.length + bodyBytes > scratch.length) return undefined;
  const headBytes = scratch.write(head, 0, "latin1");
  if (body === undefined) return scratch.subarray(0, headBytes);
  scratch.set(body, headBytes);
  return scratch.subarray(0, headBytes + bodyBytes);
}
