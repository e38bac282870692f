/**
 * Reads under way while servers are replaced, as a process of its own:
 * `bun read.ts <url> <cookie> <requests a second>`. They go out at their times whether or not earlier
 * ones have been answered, as long as not too many are open; told to stop, says what came of them.
 */
export type ReadReport = {
  sent: number;
  seconds: number;
  /** What went wrong, each once, with how often. */
  failed: Record<string, number>;
};

const maxOpen = 500;
const giveUpMs = 30_000;
const [url = "", cookie = "", perSecond = "0"] = process.argv.slice(2);
const headers = { cookie };

const failed: Record<string, number> = {};
let sent = 0;
let open = 0;
let isStopping = false;
process.on("message", () => {
  isStopping = true;
});

async function read(): Promise<void> {
  open++;
  const problem = await problemOf().catch(String);
  open--;
  if (problem !== undefined) failed[problem] = (failed[problem] ?? 0) + 1;
}

async function problemOf(): Promise<string | undefined> {
  const signal = AbortSignal.timeout(giveUpMs);
  const response = await fetch(`${url}/api/v1/conversations`, { headers, signal });
  const text = await response.text();
  return response.status === 200 ? undefined : `${response.status}: ${text.slice(0, 200)}`;
}

const beganMs = performance.now();
let next = 0;
while (!isStopping) {
  const due = Math.floor(((performance.now() - beganMs) * Number(perSecond)) / 1000);
  for (; next < due; next++) {
    if (open >= maxOpen) continue;
    sent++;
    void read();
  }
  await Bun.sleep(1);
}
const seconds = (performance.now() - beganMs) / 1000;
while (open > 0) await Bun.sleep(10);
process.send?.({ sent, seconds, failed } satisfies ReadReport);
process.disconnect?.();
