/**
 * Finds the end of a body in the bytes as they come, and says which of them to pass on. Nothing is
 * kept: a body of any length needs no memory here.
 */
export interface BodyScanner {
  /** Whether the whole body has been seen. */
  readonly isDone: boolean;
  /** Of the bytes last scanned, those from where the scan began up to here are to be passed on. */
  readonly passTo: number;
  /** Whether whoever passes it on has to write the empty line at its end, since trailers were left out. */
  readonly needsEnd: boolean;
  /**
   * @param onData is given the body itself, without what frames it
   * @returns where the body's part of these bytes ends; what follows belongs to the next message.
   * @throws MessageError where the body is not what it claims to be
   */
  scan(bytes: Uint8Array, at: number, onData?: (piece: Uint8Array) => void): number;
}
