import { type Kind, type Load, newOutcome, type Report } from "./load.ts";
import { type Answer, RawConnection } from "./raw-connection.ts";

/**
 * One process of load. Requests go out at their times whether or not earlier ones have been
 * answered, on the connection that has rested longest; while all are taken, they count as unsent.
 * Or each connection sends its next as soon as it has an answer. Prints a `Report` as JSON.
 */
const { url, kinds, connections, perSecond, seconds } = (await Bun.stdin.json()) as Load;
/** Answers that have not come by then do not count. */
const lastAnswersMs = 2000;

const encoder = new TextEncoder();
const parts = kinds.map((kind) => ({
  end: kind.end,
  requests: kind.requests.map((request) => encoder.encode(request)),
  next: 0,
  outcome: newOutcome(seconds + lastAnswersMs / 1000),
}));
type Part = (typeof parts)[number];
const turns = inTurns(kinds);
let turn = 0;

const free: RawConnection[] = [];
let beganMs = Number.POSITIVE_INFINITY;
let endsMs = Number.POSITIVE_INFINITY;
const all = Array.from(
  { length: connections },
  () => new RawConnection(url, (connection) => isFree(connection)),
);
for (let at = 0; at < all.length; at += 100) {
  await Promise.all(all.slice(at, at + 100).map((connection) => connection.open()));
}

const before = process.cpuUsage();
beganMs = performance.now();
endsMs = beganMs + seconds * 1000;
const lateMs = perSecond > 0 ? await sendInTime() : await keepBusy();
const { user, system } = process.cpuUsage(before);
await Bun.sleep(lastAnswersMs);
for (const connection of all) connection.close();
console.log(
  JSON.stringify({
    outcomes: Object.fromEntries(kinds.map(({ name }, i) => [name, parts[i]?.outcome])),
    cpuSeconds: (user + system) / 1e6,
    lateMs,
  } as Report),
);
process.exit(0);

async function sendInTime(): Promise<number> {
  let sent = 0;
  let latestMs = 0;
  for (let nowMs = beganMs; nowMs < endsMs; nowMs = performance.now()) {
    const due = Math.floor(((nowMs - beganMs) * perSecond) / 1000);
    if (sent < due) latestMs = Math.max(latestMs, nowMs - beganMs - (sent * 1000) / perSecond);
    for (; sent < due; sent++) {
      const part = nextPart();
      part.outcome.offered++;
      const connection = free.shift();
      if (connection) send(connection, part);
      else part.outcome.unsent++;
    }
    await Bun.sleep(1);
  }
  return latestMs;
}

async function keepBusy(): Promise<number> {
  for (const connection of free.splice(0)) isFree(connection);
  await Bun.sleep(seconds * 1000);
  return 0;
}

function isFree(connection: RawConnection): void {
  const nowMs = performance.now();
  if (perSecond > 0 || nowMs < beganMs) free.push(connection);
  else if (nowMs < endsMs) {
    const part = nextPart();
    part.outcome.offered++;
    send(connection, part);
  }
}

function send(connection: RawConnection, part: Part): void {
  const request = part.requests[part.next++ % part.requests.length];
  if (request) connection.send(request, part.end, (answer) => count(part, answer));
}

function count({ outcome }: Part, { status, isWhole, tookMs }: Answer): void {
  const second = Math.floor((performance.now() - beganMs) / 1000);
  if (status >= 200 && status < 300 && isWhole) {
    outcome.tookMs[second]?.push(Math.round(tookMs * 100) / 100);
  } else if (status === 503) {
    outcome.refused++;
    outcome.refusedIn[second] = (outcome.refusedIn[second] ?? 0) + 1;
  } else {
    const how = status === 0 ? "cut off" : status < 300 ? "not whole" : String(status);
    outcome.failed[how] = (outcome.failed[how] ?? 0) + 1;
  }
}

function nextPart(): Part {
  return parts[turns[turn++ % turns.length] ?? 0] as Part;
}

/** Each kind as often as its share says, spread as evenly as can be. */
function inTurns(of: readonly Kind[]): number[] {
  const total = of.reduce((sum, { share }) => sum + share, 0);
  const credit = of.map(() => 0);
  return Array.from({ length: 1000 }, () => {
    of.forEach(({ share }, i) => {
      credit[i] = (credit[i] ?? 0) + share / total;
    });
    const most = credit.indexOf(Math.max(...credit));
    credit[most] = (credit[most] ?? 0) - 1;
    return most;
  });
}
