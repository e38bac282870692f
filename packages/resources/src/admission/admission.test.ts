import { afterEach, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
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
  const first = admission.admit("read", baseline);
  nowMs = 99;
  await sleep(20);
  expect(admission.state.waiting).toBe(1);
  const second = admission.admit("read", baseline);
  nowMs = 104;
  expect(await Promise.all([first, second])).toEqual([undefined, undefined]);
});

test("nobody overtakes one of the same kind, and a read does not stand behind those that can wait", () => {
  const admission = open();
  fill(admission, "low", 5);
  admission.admit("low", baseline).catch(() => {});
  expect(admission.tryAdmit("low", baseline)).toBeUndefined();
  fill(admission, "read", 1);
});

test("the line is no longer than the limit", async () => {
  const reasons: string[] = [];
  const admission = open({ on: { refused: (_, reason) => void reasons.push(reason) } });
  fill(admission, "read", 10);
  for (let i = 0; i < 10; i++) admission.admit("read", baseline).catch(() => {});
  expect(await admission.admit("read", baseline)).toBeUndefined();
  expect(reasons).toEqual(["full_line"]);
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
  const flood = Array.from({ length: 200 }, async (_, i) => {
    await admission.admit("read", baseline);
    order.push(i);
  });
  await flood[0];
  expect(admission.state.held).toBeGreaterThan(150);
  await Promise.all(flood);
  expect(performance.now() - startedMs).toBeGreaterThan(150);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(admission.state).toMatchObject({ held: 0, inFlight: 0, refused: { read: 200 } });
});

test("no more than five thousand are held: the others are told at once", async () => {
  const admission = open({ isRefused: () => true });
  let told = 0;
  for (let i = 0; i < 8000; i++) {
    admission.admit("read", baseline).then(
      () => told++,
      () => {},
    );
  }
  await sleep(0);
  expect(admission.state.held).toBeWithin(4900, 5001);
  expect(told).toBeGreaterThanOrEqual(2990);
});

test("closing tells all who are held at once", async () => {
  const admission = open({ isRefused: () => true, now: () => 0 });
  let told = 0;
  const flood = Array.from({ length: 5000 }, () =>
    admission.admit("read", baseline).then(() => told++),
  );
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
