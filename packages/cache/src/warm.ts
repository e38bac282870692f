import { CacheError } from "./errors.ts";
import { checkNumber, type KeyOf, type TypeDefinition, type ValueOf } from "./type-table.ts";

/** One value to put into the cache ahead of its readers. */
export interface WarmItem<D extends TypeDefinition> {
  readonly key: KeyOf<D>;
  readonly value: ValueOf<D>;
  readonly tags?: readonly string[];
}

/** Gives up to `size` items beginning at `offset` of what is worth warming; fewer means the end. */
export type WarmSource<D extends TypeDefinition> = (request: {
  offset: number;
  size: number;
  signal: AbortSignal;
}) => Promise<readonly WarmItem<D>[]>;

export interface WarmOptions {
  /** At most so many items. Default 1,000. */
  limit?: number;
  /** Items asked for at once. Default 100. */
  batch?: number;
  /** Batches under way at once. Default 2. */
  concurrency?: number;
  signal?: AbortSignal;
  onProgress?: (progress: Readonly<WarmProgress>) => void;
}

export interface WarmProgress {
  /** Items put into the cache. */
  warmed: number;
  batches: number;
  limit: number;
}

/** Runs batches from the source into `put` until the limit, the end, or the signal. */
export async function runWarming<D extends TypeDefinition>(
  source: WarmSource<D>,
  options: WarmOptions,
  batch: (fetch: () => Promise<readonly WarmItem<D>[]>) => Promise<number>,
): Promise<Readonly<WarmProgress>> {
  const limit = checkNumber("limit", options.limit ?? 1000, 1, 1e7);
  const size = checkNumber("batch", options.batch ?? 100, 1, 10_000);
  const concurrency = checkNumber("concurrency", options.concurrency ?? 2, 1, 64);
  const signal = options.signal ?? new AbortController().signal;
  const progress: WarmProgress = { warmed: 0, batches: 0, limit };
  let offset = 0;
  let ended = false;

  async function work(): Promise<void> {
    while (!ended && offset < limit) {
      signal.throwIfAborted();
      const request = { offset, size: Math.min(size, limit - offset), signal };
      offset += request.size;
      const kept = await batch(async () => {
        const items = await source(request);
        if (items.length < request.size) ended = true;
        if (items.length <= request.size) return items;
        throw new CacheError(
          "BAD_OPTION",
          `the source gave ${items.length} items where at most ${request.size} were asked for`,
        );
      });
      progress.warmed += kept;
      progress.batches++;
      options.onProgress?.(progress);
    }
  }

  await Promise.all(Array.from({ length: concurrency }, work));
  return progress;
}
