const maxCredentials = 1000;

/**
 * How long a server asked to be left alone, as a whole or by the holder of one credential (a rate
 * limit belongs to an API key, and the next key may be free). At most 1,000 credentials are
 * remembered; past that the one that cools the longest ago is forgotten first.
 */
export class Cooldown {
  #untilMs = 0;
  readonly #untilMsOf = new Map<string, number>();

  cool(untilMs: number, credential: string | undefined): void {
    if (credential === undefined) {
      this.#untilMs = Math.max(this.#untilMs, untilMs);
      return;
    }
    const known = this.#untilMsOf.get(credential) ?? 0;
    this.#untilMsOf.delete(credential);
    this.#untilMsOf.set(credential, Math.max(known, untilMs));
    for (const oldest of this.#untilMsOf.keys()) {
      if (this.#untilMsOf.size <= maxCredentials) break;
      this.#untilMsOf.delete(oldest);
    }
  }

  /** The end of the whole server's cool-down; in the past when there is none. */
  get untilMs(): number {
    return this.#untilMs;
  }

  untilMsFor(credential: string | undefined): number {
    if (credential === undefined || this.#untilMsOf.size === 0) return this.#untilMs;
    return Math.max(this.#untilMs, this.#untilMsOf.get(credential) ?? 0);
  }
}
