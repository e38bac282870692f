import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { newPerson, signUp } from "./browser.ts";
import { until } from "./until.ts";
import { useSystem } from "./use-system.ts";

/** The performance page stays open for days on a wall: four hours of its seconds, in a few of ours. */
const system = useSystem({ METRICS_PORT: "0" });
const secondsABatch = 500;
const batches = 30;
const mebibyte = 2 ** 20;

async function heldBy(page: Page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  // Twice: what the first frees may be what held something else.
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await session.send("Memory.getDOMCounters");
  await session.detach();
  return { heapBytes: usedSize, nodes, listeners: jsEventListeners };
}

test("the page that is open for hours holds on to nothing that it no longer shows", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  const figures = await page.evaluate(async () => {
    // The first are saved after 15 seconds at most.
    for (;;) {
      const response = await fetch("/api/v1/performance/metrics");
      const body = await response.json();
      if (body.figures) return body.figures as object;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  });
  let served = 0;
  await page.route("**/api/v1/performance/metrics/live", (route) => {
    served++;
    const events = Array.from({ length: secondsABatch }, (_, i) => {
      const second = {
        at: new Date(i * 1000).toISOString(),
        figures: { ...figures, throughput: i },
      };
      return `event: figures\ndata: ${JSON.stringify(second)}\n\n`;
    });
    return route.fulfill({
      contentType: "text/event-stream",
      // The browser comes back at once when the stream has ended.
      body: `retry: 50\n\n${events.join("")}`,
    });
  });
  await page.getByRole("link", { name: "Performance" }).click();
  await page.getByRole("img", { name: /^Response time: / }).waitFor();
  const shown = page.locator(".tile-value").filter({ hasText: "requests" });
  /** So many more batches came, and the charts were made anew a few times. */
  const live = async (more: number) => {
    const wanted = served + more;
    const compare = page.getByRole("switch", { name: "beside the day before" });
    for (let i = 0; i < 6; i++) await compare.click();
    await until(() => served >= wanted, `${more} more batches of seconds`);
    await until(
      async () => (await shown.textContent())?.startsWith(`${secondsABatch - 1} `),
      "the last second to be shown",
    );
  };

  await live(5);
  const before = await heldBy(page);
  await live(batches);
  const after = await heldBy(page);
  // A batch that is just being read is 2 MiB; all seconds that came are 24.
  expect(after.heapBytes - before.heapBytes).toBeLessThan(8 * mebibyte);
  expect(after.nodes - before.nodes).toBeLessThan(200);
  expect(after.listeners - before.listeners).toBeLessThan(30);
  expect(problems).toEqual([]);
  await page.context().close();
}, 120_000);
