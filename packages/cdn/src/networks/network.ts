/** One thing to remove from the caches of a network. */
export type PurgeItem = {
  /** Its path on the network, from the slash on. A `*` at the end takes all that begin so. */
  path: string;
  /** The key that its responses carry in `Surrogate-Key` and `Cache-Tag`. */
  tag: string;
};

type PurgeOptions = {
  /**
   * Names this purge. Sent again under the same reference, it is the same purge: a network that
   * works on it in its own time is then asked how far it is, and does not begin another.
   */
  reference: string;
  signal?: AbortSignal;
};

/**
 * A network of caches between people and what we serve: a CDN, or a proxy of one's own.
 *
 * A purge is through when it gives "done"; on "in_progress", or a `CdnError` that is retryable, it
 * is to be sent again with the same items and reference. Purging what no cache holds is no error.
 */
export type CdnNetwork = {
  purge(items: readonly PurgeItem[], options: PurgeOptions): Promise<PurgeState>;
  close(): void;
};

export type PurgeState = "done" | "in_progress";

/**
 * Several networks as one: a purge is done when it is in each. They are asked one after another, the
 * one next to the server first: one that is farther could fill itself from the nearer.
 */
export function allNetworks(networks: readonly CdnNetwork[]): CdnNetwork {
  return {
    async purge(items, options) {
      const asked: PromiseSettledResult<PurgeState>[] = [];
      for (const network of networks) {
        asked.push(...(await Promise.allSettled([network.purge(items, options)])));
      }
      // Each is asked, also after another failed; one failure is enough to ask all again.
      for (const one of asked) if (one.status === "rejected") throw one.reason;
      const isDone = asked.every((one) => one.status === "fulfilled" && one.value === "done");
      return isDone ? "done" : "in_progress";
    },
    close() {
      for (const network of networks) network.close();
    },
  };
}
