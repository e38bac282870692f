import type { newPerson } from "@peregrine/e2e/browser";

type Page = Awaited<ReturnType<typeof newPerson>>["page"];

/** What a page did in a span: how far its frames were apart, and tasks of 50 ms and more. */
export type Frames = { intervalsMs: number[]; longTaskMs: number[] };

export type Held = { heapBytes: number; nodes: number; listeners: number };

/** Watches a page from within for frames, and from without for what it holds on to. */
export async function watchPage(page: Page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  await page.evaluate(watchFrames, maxFrames);
  return {
    /** The frames since the last call. */
    takeFrames: () => page.evaluate<Frames>("window.takeFrames()"),
    /** What is left once all garbage is collected. The frames meanwhile are not counted. */
    async held(): Promise<Held> {
      await page.evaluate("window.pauseFrames()");
      await session.send("HeapProfiler.collectGarbage");
      const { usedSize } = await session.send("Runtime.getHeapUsage");
      const { nodes, jsEventListeners } = await session.send("Memory.getDOMCounters");
      await page.evaluate("window.resumeFrames()");
      return { heapBytes: usedSize, nodes, listeners: jsEventListeners };
    },
  };
}

/** More than five minutes at 60 a second. */
const maxFrames = 20_000;

/** Runs in the page, and allocates nothing as frames come: what it held would be taken for a leak. */
function watchFrames(maxFrames: number): void {
  const intervals = new Float64Array(maxFrames);
  let count = 0;
  let lastMs = Number.NaN;
  let longTaskMs: number[] = [];
  let isPaused = false;
  const onFrame = (nowMs: number) => {
    const intervalMs = nowMs - lastMs;
    if (!isPaused && intervalMs >= 0 && count < maxFrames) intervals[count++] = intervalMs;
    lastMs = isPaused ? Number.NaN : nowMs;
    requestAnimationFrame(onFrame);
  };
  requestAnimationFrame(onFrame);
  new PerformanceObserver((list) => {
    if (!isPaused) for (const { duration } of list.getEntries()) longTaskMs.push(duration);
  }).observe({ type: "longtask" });
  Object.assign(window, {
    takeFrames() {
      const taken = { intervalsMs: [...intervals.subarray(0, count)], longTaskMs };
      count = 0;
      longTaskMs = [];
      lastMs = Number.NaN;
      return taken;
    },
    pauseFrames() {
      isPaused = true;
    },
    resumeFrames() {
      isPaused = false;
      lastMs = Number.NaN;
    },
  });
}
