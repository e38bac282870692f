import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { GaugeFamily } from "./families/gauge.ts";
import type { Recorder } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";

/** Reads of a type of cached values since the start. */
export type CacheCounts = Record<string, { hits: number; misses: number }>;

/**
 * Hits and misses by type. A cache counts for itself, since a call for each read would cost as much
 * as the read; here its counts are looked at once a second and with each scrape.
 */
export class CacheMetrics {
  readonly #read: () => CacheCounts;
  readonly #recorder: Recorder;
  #last: CacheCounts = {};

  constructor(exposition: Exposition, recorder: Recorder, read: () => CacheCounts) {
    this.#read = read;
    this.#recorder = recorder;
    const labels = ["cache_type"];
    exposition.add(
      new GaugeFamily(
        {
          name: "cache_hit_ratio",
          help: "Share of reads since the start that found their value.",
          labels,
        },
        (gauges) => {
          for (const [type, { hits, misses }] of Object.entries(read())) {
            gauges.with(type).value = hits / (hits + misses);
          }
        },
      ),
    );
    this.#counter(exposition, "cache_hits_total", "Reads that found their value.", "hits");
    this.#counter(exposition, "cache_misses_total", "Reads that did not.", "misses");
  }

  /** Adds what was read since the last call to the current second. */
  tick(): void {
    const now = this.#read();
    for (const [type, { hits, misses }] of Object.entries(now)) {
      const last = this.#last[type] ?? { hits: 0, misses: 0 };
      this.#recorder.count(series.cacheHits + type).value += Math.max(0, hits - last.hits);
      this.#recorder.count(series.cacheMisses + type).value += Math.max(0, misses - last.misses);
    }
    this.#last = now;
  }

  #counter(exposition: Exposition, name: string, help: string, field: "hits" | "misses"): void {
    const family = new CounterFamily({ name, help, labels: ["cache_type"] });
    const counts = () => {
      for (const [type, figures] of Object.entries(this.#read())) {
        family.with(type).value = figures[field];
      }
    };
    exposition.add({
      name,
      help,
      type: "counter",
      get() {
        counts();
        return family.get();
      },
    });
  }
}
