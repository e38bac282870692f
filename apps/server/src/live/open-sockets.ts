/** The part of a socket that ends it. */
type Closable = { close(code: number, reason: string): void };

const signedOut = 4401;

/** Sockets by what they were opened with, so that they end when that does. */
export class OpenSockets {
  readonly #byCredential = new Map<string, Set<Closable>>();

  add(credential: string, socket: Closable): void {
    const sockets = this.#byCredential.get(credential) ?? new Set();
    this.#byCredential.set(credential, sockets.add(socket));
  }

  remove(credential: string, socket: Closable): void {
    const sockets = this.#byCredential.get(credential);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#byCredential.delete(credential);
  }

  /** Closes what a session or a key has opened, once it is no longer valid. */
  revoke(credential: string): void {
    for (const socket of this.#byCredential.get(credential) ?? []) {
      socket.close(signedOut, "signed out");
    }
  }
}
