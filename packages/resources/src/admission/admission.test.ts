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
    if (typeof ticket === "string") throw new Error(`not admitted: ${ticket}`);
    return ticket;
  });
}

test("what can wait gets half of the room, answers nine tenths, reads all of it", () => {
  const admission = open();
  fill(admission, "low", 5);
  expect(admission.tryAdmit("low", baseline)).toBe("wait");
  fill(admission, "answer", 4);
  expect(admission.tryAdmit("answer", baseline)).toBe("wait");
  fill(admission, "read", 1);
  expect(admission.tryAdmit("read", baseline)).toBe("wait");
  expect(admission.state).toMatchObject({ inFlight: 10, limit: 10 });
});

test("a place that becomes free goes to the most urgent who waits, then to the first", async () => {
  const admission = open();
  const tickets = fill(admission, "read", 10);
  const order: string[] = [];
  const wait = async (name: string, priority: Priority) => {
    const ticket = await admission.wait(priority, baseline);
    order.push(name);
    if (ticket !== "refused") ticket.release(false);
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
  expect(await admission.wait("read", baseline)).toBe("refused");
  expect(reasons).toEqual(["waited"]);
  for (const ticket of tickets) ticket.release(false);
  expect(admission.state).toMatchObject({ inFlight: 0, waiting: 0, refused: { read: 1 } });
  fill(admission, "read", 10);
});

test("a line that stands is overload: those who join it are turned away far sooner", async () => {
  const admission = open();
  fill(admission, "read", 10);
  const first = admission.wait("read", baseline);
  const keepsStanding = sleep(120).then(() => admission.wait("read", baseline));
  await sleep(130);
  const startedMs = performance.now();
  await admission.wait("read", baseline);
  expect(performance.now() - startedMs).toBeLessThan(100);
  await Promise.all([first, keepsStanding]);
});

test("nobody overtakes one of the same kind, and a read does not stand behind those that can wait", () => {
  const admission = open();
  fill(admission, "low", 5);
  admission.wait("low", baseline).catch(() => {});
  expect(admission.tryAdmit("low", baseline)).toBe("wait");
  fill(admission, "read", 1);
});

test("the line is no longer than the limit", () => {
  const admission = open();
  fill(admission, "read", 10);
  for (let i = 0; i < 10; i++) admission.wait("read", baseline).catch(() => {});
  expect(admission.tryAdmit("read", baseline)).toBe("refused");
});

test("what pressure gives up is refused while there is room", () => {
  const admission = open({ isRefused: (priority) => priority === "answer" });
  expect(admission.tryAdmit("answer", baseline)).toBe("refused");
  fill(admission, "read", 1);
});

test("a place is given back once, however often it is released", () => {
  const admission = open();
  const [ticket] = fill(admission, "read", 2);
  ticket?.release(true);
  ticket?.release(true);
  expect(admission.state.inFlight).toBe(1);
});
