import { closeSync } from "node:fs";
import { enterNewNamespace, type Namespace, readInto, waitForInput, write } from "./kernel.ts";
import { addressOf, soundLink, type WireAnswer, type WireCommand } from "./link.ts";

/**
 * All links of one network, as a process of its own: `wire.ts <hosts>`. It makes a network namespace
 * for each host, carries packets between them, and loses or delays what it is told to. Says of each
 * host that it is there, then answers each command; ends with its input.
 *
 * One loop that waits for all of it: a packet costs a read and a write, about 10 µs in all. `tc netem`
 * would do the same where the kernel has it; many have not.
 */
const hostCount = Number(process.argv[2]);
const commandsFile = 0;
const answersFile = 1;
/** Larger than any packet of an interface whose MTU is 1,500. */
const packetBytes = 2048;
/** Read from one host before another is looked at. */
const packetsInARow = 64;
/** Where an IPv4 header says how it goes on, and the last byte of the address it is for. */
const versionAt = 0;
const lastByteOfTargetAt = 19;

type Link = Namespace & { state: typeof soundLink; passed: number; lost: number };
type Delayed = { readonly dueMs: number; readonly to: Link; readonly packet: Buffer };

const links: Link[] = [];
const delayed: Delayed[] = [];
const packet = Buffer.alloc(packetBytes);
const input = Buffer.alloc(64 * 1024);
let commands = "";

for (let host = 0; host < hostCount; host++) {
  const namespace = enterNewNamespace(addressOf(host));
  const link = { ...namespace, state: soundLink, passed: 0, lost: 0 };
  links.push(link);
  say(link);
}
for (;;) {
  const files = links.map(({ tunnel }) => tunnel);
  const ready = waitForInput([commandsFile, ...files], nextDueMs());
  for (const link of links) if (ready.includes(link.tunnel)) carryFrom(link);
  deliverDue();
  if (ready.includes(commandsFile) && !obey()) break;
}
process.exit(0);

function carryFrom(from: Link): void {
  for (let count = 0; count < packetsInARow; count++) {
    const length = readInto(from.tunnel, packet);
    if (length <= 0) return;
    const to = links[(packet[lastByteOfTargetAt] ?? 0) - 1];
    const isVersion4 = (packet[versionAt] ?? 0) >> 4 === 4;
    if (!isVersion4 || to === undefined) continue;
    if (swallows(from) || swallows(to)) continue;
    const bytes = packet.subarray(0, length);
    const { delayMs } = from.state;
    if (delayMs === 0) deliver(to, bytes);
    else delay({ dueMs: performance.now() + delayMs, to, packet: Buffer.from(bytes) });
  }
}

function swallows(link: Link): boolean {
  const { isCut, loss } = link.state;
  if (!isCut && (loss === 0 || Math.random() >= loss)) return false;
  link.lost++;
  return true;
}

function deliver(to: Link, bytes: Buffer): void {
  to.passed++;
  write(to.tunnel, bytes);
}

/** Links differ in their delay, so what came later may be due earlier. */
function delay(one: Delayed): void {
  let at = delayed.length;
  while (at > 0 && (delayed[at - 1]?.dueMs ?? 0) > one.dueMs) at--;
  delayed.splice(at, 0, one);
}

function deliverDue(): void {
  const nowMs = performance.now();
  while (delayed[0] !== undefined && delayed[0].dueMs <= nowMs) {
    const { to, packet: due } = delayed.shift() as Delayed;
    if (to.state.isCut) to.lost++;
    else deliver(to, due);
  }
}

/** -1 to wait for as long as it takes. */
function nextDueMs(): number {
  const next = delayed[0];
  return next === undefined ? -1 : Math.max(0, Math.ceil(next.dueMs - performance.now()));
}

/** @returns whether there may be more commands */
function obey(): boolean {
  const length = readInto(commandsFile, input);
  if (length <= 0) return false;
  const lines = (commands + input.toString("utf8", 0, length)).split("\n");
  commands = lines.pop() ?? "";
  for (const line of lines) {
    const { host, state, restart } = JSON.parse(line) as WireCommand;
    const link = links[host];
    if (link === undefined) throw new Error(`there is no host ${host}`);
    if (state !== undefined) link.state = state;
    if (restart) {
      for (const file of [link.entrance, link.tunnel]) closeSync(file);
      Object.assign(link, enterNewNamespace(addressOf(host)));
    }
    say(link);
  }
  return true;
}

function say({ entrance, passed, lost }: Link): void {
  const answer: WireAnswer = { entrance, passed, lost };
  write(answersFile, Buffer.from(`${JSON.stringify(answer)}\n`));
}
