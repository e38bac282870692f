/**
 * Carries messages between the servers of one installation: at most once, in order for each sender,
 * to those who are there. What must not be lost is in the database; this only says that it changed,
 * or brings what would have been read from there a moment later.
 */
export type Bus = {
  /** Sends to every other server that listens on this channel. Never throws, never waits. */
  publish(channel: string, message: unknown): void;
  /**
   * Listens on a channel.
   *
   * @returns how to stop, once messages that are sent from now on arrive
   */
  subscribe(channel: string, listener: (message: unknown) => void): Promise<() => void>;
  close(): Promise<void>;
};

/** For a server that is alone. */
export const noBus: Bus = {
  publish() {},
  async subscribe() {
    return () => {};
  },
  async close() {},
};

/** Listeners by channel. */
export class Listeners {
  readonly #byChannel = new Map<string, Set<(message: unknown) => void>>();

  /** @returns whether it is the first of its channel */
  add(channel: string, listener: (message: unknown) => void): boolean {
    const listeners = this.#byChannel.get(channel);
    if (listeners) listeners.add(listener);
    else this.#byChannel.set(channel, new Set([listener]));
    return !listeners;
  }

  has(channel: string): boolean {
    return this.#byChannel.has(channel);
  }

  /** @returns whether it was the last of its channel */
  remove(channel: string, listener: (message: unknown) => void): boolean {
    const listeners = this.#byChannel.get(channel);
    if (!listeners?.delete(listener) || listeners.size > 0) return false;
    return this.#byChannel.delete(channel);
  }

  deliver(channel: string, message: unknown): void {
    for (const listener of this.#byChannel.get(channel) ?? []) listener(message);
  }
}
