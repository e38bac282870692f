/**
 * How the cache tells, and hears, that values have become old. `SoloLog` is one process by itself;
 * `LogFollower` is one of several.
 */
export interface InvalidationLog {
  /** Ready to serve as soon as it can be; a log that cannot be reached does not hold this up. */
  start(): Promise<void>;
  /** Runs a write: guards pending, work, guards bumped, everybody told. Gives what work gives. */
  mutate<T>(guards: readonly string[], work: () => Promise<T>): Promise<T>;
  /** Makes everything under these guards old; resolves when nobody serves it any more. */
  invalidate(guards: readonly string[]): Promise<void>;
  /** The same for every key that matches a glob. */
  invalidatePattern(glob: string): Promise<void>;
  figures(): LogFigures;
  close(): Promise<void>;
}

export interface LogFigures {
  /** Who this process is in the log. */
  readonly node: string;
  /** `solo`: nobody else. `current`: memory may serve. `behind`: it may not, for now. */
  readonly state: "solo" | "current" | "behind" | "suspended" | "cut-off";
  readonly position: number;
  /** Records known to exist and not yet read. */
  readonly lagRecords: number;
  /** How old the knowledge is that memory is served by: the bound on how far it may be behind. */
  readonly lagMs: number;
  readonly recordsRead: number;
  readonly resyncs: number;
  readonly pending: number;
  readonly guards: number;
}
