import { AsyncLocalStorage } from "node:async_hooks";
import type { ServedFrom } from "@peregrine/cache";

/** A request that sends the same statement so often asks for each row by itself. */
const repeatedAfter = 10;

export type Repetition = { request: Request; statement: string };

type Timing = {
  request: Request;
  startedMs: number;
  databaseMs: number;
  /** The end of the last statement. */
  databaseEndMs: number;
  queries: number;
  /** How often each statement was sent; undefined until the first one. */
  byStatement: Map<string, number> | undefined;
  /** Values by where the cache had them from. */
  cached: Record<ServedFrom, number>;
  /** Undefined until a model was asked. */
  modelMs: number | undefined;
};

/**
 * Where the time of each request goes, for its `Server-Timing` header. A request's asynchronous
 * context carries its record (0.03 µs for a request), so that whatever runs a statement or asks a
 * model needs to know nothing of requests. Work outside of any request is not counted.
 */
export class RequestTimings {
  readonly #current = new AsyncLocalStorage<Timing>();
  readonly #onRepeated: ((repetition: Repetition) => void) | undefined;

  /** @param onRepeated called once for each statement that a request has sent more than ten times */
  constructor(onRepeated?: (repetition: Repetition) => void) {
    this.#onRepeated = onRepeated;
  }

  /** Runs the handling of a request. */
  run<T>(request: Request, handle: () => T): T {
    const timing: Timing = {
      request,
      startedMs: performance.now(),
      databaseMs: 0,
      databaseEndMs: 0,
      queries: 0,
      byStatement: undefined,
      cached: { memory: 0, redis: 0, source: 0, "shared load": 0 },
      modelMs: undefined,
    };
    return this.#current.run(timing, handle);
  }

  /**
   * Counts a statement that has just ended, with the time it waited for a connection. Time that two
   * of them take side by side counts once.
   */
  addQuery(statement: string, durationMs: number): void {
    const timing = this.#current.getStore();
    if (!timing) return;
    const nowMs = performance.now();
    timing.databaseMs += Math.min(durationMs, nowMs - timing.databaseEndMs);
    timing.databaseEndMs = nowMs;
    timing.queries++;
    timing.byStatement ??= new Map();
    const count = (timing.byStatement.get(statement) ?? 0) + 1;
    timing.byStatement.set(statement, count);
    if (count === repeatedAfter + 1) this.#onRepeated?.({ request: timing.request, statement });
  }

  /** Counts a value that the cache gave. */
  addCached(from: ServedFrom): void {
    const timing = this.#current.getStore();
    if (timing) timing.cached[from]++;
  }

  /** Counts the time until `work` is done as the model's. */
  async model<T>(work: Promise<T>): Promise<T> {
    const timing = this.#current.getStore();
    const startedMs = performance.now();
    try {
      return await work;
    } finally {
      if (timing) timing.modelMs = (timing.modelMs ?? 0) + performance.now() - startedMs;
    }
  }

  /** The value of `Server-Timing` as it stands, in milliseconds; undefined outside of a request. */
  header(): string | undefined {
    const timing = this.#current.getStore();
    if (!timing) return undefined;
    const { startedMs, databaseMs, queries, modelMs, cached } = timing;
    let header = totalTiming(startedMs);
    const layers = layersOf(cached);
    if (layers !== "") header += `, cache;desc="${layers}"`;
    if (queries > 0) header += `, db;dur=${round(databaseMs)};desc="${queries}"`;
    if (modelMs !== undefined) header += `, model;dur=${round(modelMs)}`;
    return header;
  }
}

/** `Server-Timing` of a request that neither asked the database nor a model. */
export function totalTiming(startedMs: number): string {
  return `total;dur=${round(performance.now() - startedMs)}`;
}

/** Microseconds are as fine as a header should be. */
function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}

/** "memory 3, redis 1": each layer that gave something, and how often. */
function layersOf(cached: Timing["cached"]): string {
  let text = cached.memory > 0 ? `memory ${cached.memory}` : "";
  if (cached.redis > 0) text += `${text && ", "}redis ${cached.redis}`;
  if (cached.source > 0) text += `${text && ", "}source ${cached.source}`;
  const shared = cached["shared load"];
  return shared > 0 ? `${text}${text && ", "}shared load ${shared}` : text;
}
