import { fullGC, heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { algorithmNames, Pool } from "./index.ts";

const requests = 20_000;

/** Cells of the heap that exist or wait to be swept. */
function cells(): number {
  return Object.values(heapStats().objectTypeCounts).reduce((sum, count) => sum + count, 0);
}

test.each([...algorithmNames])(
  "a request by %s allocates its ticket and nothing else",
  (algorithm) => {
    const servers = Array.from({ length: 50 }, (_, at) => ({ url: `http://server-${at}` }));
    using pool = new Pool({ servers, algorithm });
    const demand = { key: "conversation" };
    const run = (kept: unknown[]) => {
      for (let at = 0; at < requests; at++) {
        const ticket = pool.tryAcquire(demand);
        ticket?.firstByte();
        ticket?.succeed();
        kept[at] = ticket;
      }
    };
    const kept: unknown[] = new Array(requests).fill(undefined);
    run(kept);
    kept.fill(undefined);
    fullGC();
    const before = cells();
    run(kept);
    const allocated = (cells() - before) / requests;
    expect(allocated).toBeGreaterThan(0.9);
    expect(allocated).toBeLessThan(1.1);
  },
);
