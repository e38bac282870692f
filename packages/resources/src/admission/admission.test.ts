import { afterEach, expect, test } from "bun:test";
import { Admission, type AdmissionOptions, type Ticket } from "./admission.ts";
import { Baseline } from "./baseline.ts";
import type { Priority } from "./priority.ts";

const baseline = new Baseline();
let opened: Admission | undefined;
afterEach(() => opened?.close());

function open(options: AdmissionOptions = {}) {
  opened = new Admission({ initial: 10, min: 10, max: 10, ...options });
  return opened;
}

function fill(admission: Admission, priority: Priority, count: number): Ticket[] {
  return Array.from({ length: count }, () => {
    const ticket = admission.tryAdmit(priority, baseline);
    if (!ticket) throw new Error("not admitted");
    return ticket;
  });
}

test("what can wait gets half of the room, answers nine tenths, reads all of it", () => {
  const admission = open();
  fill(admission, "low", 5);
  expect(admission.tryAdmit("low", baseline)).toBeUndefined();
  fill(admission, "answer", 4);
  expect(admission.tryAdmit("answer", baseline)).toBeUndefined();
  fill(admission, "read", 1);
  expect(admission.tryAdmit("read", baseline)).toBeUndefined();
  expect(admission.state).toMatchObject({ inFlight: 10, limit: 10 });
});

test("a place that becomes free goes to the most urgent who waits, then to the first", async () => {
  const admission = open();
  const tickets = fill(admission, "read", 10);
  const order: string[] = [];
  const wait = async (name: string, priority: Priority) => {
    const ticket = await admission.admit(priority, baseline);
    order.push(name);
    ticket?.release(false);
  };
  const all = [
    wait("answer 1", "answer"),
    wait("read 1", "read"),
    wait("answer 2", "answer"),
    wait("read 2", "read"),
  ];
  for (const ticket of tickets) ticket.release(false);
  await Promise.all(all);
  expect(order).toEqual(["read 1", "read 2", "answer 1", "answer 2"]);
  expect(admission.state).toMatchObject({ inFlight: 0, waiting: 0 });
});

test("who waits in vain is turned away, and leaves no place behind", async () => {
  const reasons: string[] = [];
  const admission = open({ on: { refused: (_, reason) => void reasons.push(reason) } });
  const tickets = fill(admission, "read", 10);
  expect(await admission.admit("read", baseline)).toBeUndefined();
  expect(reasons).toEqual(["waited"]);
  for (const ticket of tickets) ticket.release(false);
  expect(admission.state).toMatchObject({ inFlight: 0, waiting: 0, refused: { read: 1 } });
  fill(admission, "read", 10);
});

test("a line that stands is overload: those who join it are turned away far sooner", async () => {
  let nowMs = 0;
  const admission = open({ now: () => nowMs });
  fill(admission, "read", 10);
  const waits = async (priority: Priority) => {
    const sinceMs = nowMs;
    await admission.admit(priority, baseline);
    return nowMs - sinceMs;
  };
  const first = waits("low");
  nowMs = 240;
  const second = waits("low");
  // Time goes on only while they wait, so that it is theirs.
  const clock = setInterval(() => nowMs++, 1);
  expect(await first).toBeWithin(250, 300);
  expect(await second).toBeWithin(10, 60);
  // Their line says nothing about those who look at something.
  const read = waits("read");
  const third = waits("low");
  expect(await third).toBeWithin(240, 300);
  expect(await read).toBeWithin(240, 300);
  clearInterval(clock);
});

test("nobody overtakes one of the same kind, and a read does not stand behind those that can wait", async () => {
  const admission = open();
  fill(admission, "low", 5);
  const low = admission.admit("low", baseline);
  expect(admission.tryAdmit("low", baseline)).toBeUndefined();
  fill(admission, "read", 1);
  admission.close();
  await low;
});

test("a burst of a thousand may wait; of a line that stands, as many as the limit", async () => {
  let nowMs = 0;
  const reasons: string[] = [];
  const admission = open({
    now: () => nowMs,
    on: { refused: (_, reason) => void reasons.push(reason) },
  });
  fill(admission, "read", 10);
  const burst = Array.from({ length: 1000 }, () => admission.admit("read", baseline));
  expect(await admission.admit("read", baseline)).toBeUndefined();
  expect(reasons).toEqual(["full_line"]);
  nowMs = 260;
  await Promise.all(burst);
  reasons.length = 0;

  const standing = [admission.admit("read", baseline)];
  nowMs += 249;
  for (let i = 0; i < 9; i++) standing.push(admission.admit("read", baseline));
  nowMs++;
  expect(await admission.admit("read", baseline)).toBeUndefined();
  expect(reasons).toEqual(["full_line"]);
  admission.close();
  await Promise.all(standing);
});

test("what pressure gives up is refused while there is room", async () => {
  const admission = open({ isRefused: (priority) => priority === "answer" });
  expect(await admission.admit("answer", baseline)).toBeUndefined();
  fill(admission, "read", 1);
});

test("a flood of refusals is spread out, in the order it came, and everyone is told", async () => {
  const admission = open({ isRefused: () => true });
  const order: number[] = [];
  const startedMs = performance.now();
  const flood = Array.from({ length: 500 }, async (_, i) => {
    await admission.admit("read", baseline);
    order.push(i);
  });
  await flood[0];
  expect(admission.state.held).toBeGreaterThanOrEqual(400);
  await Promise.all(flood);
  expect(performance.now() - startedMs).toBeGreaterThan(60);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(admission.state).toMatchObject({ held: 0, inFlight: 0, refused: { read: 500 } });
});

test("who may be refused at once costs no promise", () => {
  const admission = open({ isRefused: () => true });
  expect(admission.admit("read", baseline)).toBeUndefined();
});

test("no more than five thousand are held: the others are told at once", async () => {
  const admission = open({ isRefused: () => true });
  const flood = Array.from({ length: 8000 }, () => admission.admit("read", baseline));
  expect(admission.state.held).toBe(5000);
  expect(flood.filter((answer) => answer === undefined)).toHaveLength(3000);
  admission.close();
  await Promise.all(flood);
});

test("closing tells all who are held at once", async () => {
  const admission = open({ isRefused: () => true, now: () => 0 });
  let told = 0;
  const flood = Array.from({ length: 5000 }, async () => {
    await admission.admit("read", baseline);
    told++;
  });
  await flood[0];
  expect(told).toBeLessThan(1000);
  admission.close();
  expect(admission.state.held).toBe(0);
  await Promise.all(flood);
});

test("a place is given back once, however often it is released", () => {
  const admission = open();
  const [ticket] = fill(admission, "read", 2);
  ticket?.release(true);
  ticket?.release(true);
  expect(admission.state.inFlight).toBe(1);
});
