/** How a request was answered. */
export type CacheResult =
  | "hit"
  | "stale"
  | "miss"
  | "revalidated"
  | "collapsed"
  /** Not looked up, or known to be of no use. */
  | "bypass";

export type EdgeCacheEvents = {
  onResult?(result: CacheResult): void;
  onStore?(bytes: number): void;
  onEvict?(store: "memory" | "disk", bytes: number): void;
  /** @param keys how many were purged at once */
  onPurge?(keys: number): void;
  /** The disk cannot be written to: until `onDiskWell` there is memory alone. */
  onDiskTrouble?(error: Error): void;
  onDiskWell?(): void;
};
