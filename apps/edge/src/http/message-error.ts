/**
 * A message that is not HTTP/1.1, or that two programs could read in two ways. It is never passed
 * on: guessing what was meant is how requests are smuggled. `status` is what a client is told.
 */
export class MessageError extends Error {
  override readonly name = "MessageError";
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}
