import type { Tracer } from "@peregrine/tracing";
import type { AppCache } from "../cache/open-cache.ts";
import { remembered } from "./remembered.ts";

type Load = (context: { signal: AbortSignal }) => Promise<unknown>;
type Read = (type: string, key: unknown, load: Load, options?: unknown) => unknown;

const shapeOf = remembered((type: string) => ({
  name: `cache ${type}`,
  attributes: { "peregrine.cache.type": type },
}));

/**
 * Puts a span around the reads of a cache that load what they lack; statements of a load hang
 * beneath it. In the cache's own place, so that without traces no read passes through here.
 */
export function traceCache(cache: AppCache, tracer: Tracer): void {
  for (const method of ["getOrLoad", "getOrLoadBody"] as const) {
    const read = cache[method].bind(cache) as unknown as Read;
    const traced: Read = (type, key, load, options) => {
      const span = tracer.child(shapeOf(type));
      if (!span) return read(type, key, load, options);
      let isHit = true;
      const loadMissing: Load = (context) => {
        isHit = false;
        return load(context);
      };
      const end = (error?: string) => {
        span.set("peregrine.cache.hit", isHit);
        span.end(error);
      };
      const found = tracer.under(span, () => read(type, key, loadMissing, options));
      if (found instanceof Promise) {
        found.then(
          () => end(),
          () => end("load_failed"),
        );
      } else end();
      return found;
    };
    (cache as unknown as Record<typeof method, Read>)[method] = traced;
  }
}
