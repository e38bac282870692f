/**
 * One process of load: `bun generate.ts <url> <cookie> <requests a second> <seconds>`. Requests go
 * out at their times whether or not earlier ones have been answered, on as many connections as a
 * proxy would have; while all of those are taken, none go out. Prints what came of them as JSON.
 */
const maxOpen = 2000;
const [url = "", cookie = "", perSecond = "0", seconds = "0"] = process.argv.slice(2);
const body = JSON.stringify({ title: "Load" });
const headers = { "content-type": "application/json", cookie };
const intervalMs = 1000 / Number(perSecond);
const total = Number(perSecond) * Number(seconds);

const tookMs: number[] = [];
let refused = 0;
let failed = 0;
let open = 0;

async function send(): Promise<void> {
  open++;
  const startedMs = performance.now();
  try {
    const response = await fetch(`${url}/api/v1/conversations`, { method: "POST", headers, body });
    await response.arrayBuffer();
    if (response.ok) tookMs.push(performance.now() - startedMs);
    else if (response.status === 503) refused++;
    else failed++;
  } catch {
    failed++;
  } finally {
    open--;
  }
}

const beganMs = performance.now();
let sent = 0;
let next = 0;
while (next < total) {
  const due = Math.min(total, Math.floor((performance.now() - beganMs) / intervalMs));
  for (; next < due; next++) {
    if (open >= maxOpen) continue;
    sent++;
    void send();
  }
  await Bun.sleep(1);
}
const sentForSeconds = (performance.now() - beganMs) / 1000;
while (open > 0) await Bun.sleep(10);
console.log(JSON.stringify({ sent, sentForSeconds, refused, failed, tookMs }));
