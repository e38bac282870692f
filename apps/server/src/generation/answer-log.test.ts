import { expect, test } from "bun:test";
import type { StreamEvent } from "@peregrine/protocol";
import { SseParser } from "@peregrine/protocol/sse";
import fc from "fast-check";
import { AnswerLog, type LoggedEvent, replayEvents } from "./answer-log.ts";
import { FrameClock } from "./frame-clock.ts";

const started = {
  type: "started",
  conversationId: "c",
  questionId: "q",
  messageId: "m",
  model: "test",
  createdAt: "2026-01-01T00:00:00.000Z",
} as const;
const done = { type: "done", status: "complete" } as const;
const usage = { promptTokens: 1, completionTokens: 2 };

function makeLog(onFrame: (event: LoggedEvent) => void = () => {}) {
  let nowMs = 0;
  const clock = new FrameClock(16, () => nowMs);
  const log = new AnswerLog(started, "user", clock, onFrame);
  return { log, advance: (ms: number) => (nowMs += ms) };
}

/** Reads wire bytes as a client does. */
function onWire(events: LoggedEvent[]): { id: number; event: StreamEvent }[] {
  const parser = new SseParser();
  return events
    .flatMap((entry) => parser.push(entry.bytes))
    .map(({ id, data }) => ({ id: Number(id), event: JSON.parse(data) }));
}

const textOf = (events: { event: StreamEvent }[]) =>
  events.map(({ event }) => (event.type === "delta" ? event.text : "")).join("");

test("the first token goes out at once, the next ones together in a frame", () => {
  const frames: LoggedEvent[] = [];
  const { log, advance } = makeLog((frame) => frames.push(frame));
  log.append("Hel");
  expect(frames.map((frame) => frame.id)).toEqual([3]);
  log.append("l");
  log.append("o");
  expect(frames).toHaveLength(1);
  advance(16);
  log.flush(16);
  expect(frames.map(({ event }) => event)).toEqual([
    { type: "delta", text: "Hel" },
    { type: "delta", text: "lo" },
  ]);
});

test("after the end nothing is missing, and the ids go on rising", () => {
  const { log } = makeLog();
  log.append("ab");
  log.append("cd");
  log.end(done, usage);
  const events = onWire(log.after(-1));
  expect(events).toEqual([
    { id: 0, event: started },
    { id: 4, event: { type: "delta", text: "abcd" } },
    { id: 5, event: { type: "usage", ...usage } },
    { id: 6, event: done },
  ]);
  expect(log.hasEnded).toBe(true);
});

test("followers are woken by frames and by the end, until they leave", () => {
  const { log } = makeLog();
  let wakes = 0;
  const unfollow = log.follow({ wake: () => wakes++ });
  log.append("a");
  expect(wakes).toBe(1);
  unfollow();
  log.end(done, null);
  expect(wakes).toBe(1);
  expect(log.followerCount).toBe(0);
});

test("an ended answer takes no more text and no second end", () => {
  const { log } = makeLog();
  log.end(done, null);
  expect(() => log.append("x")).toThrow();
  expect(() => log.end(done, null)).toThrow();
});

test("a client that has more than was saved is still told the end, with a rising id", () => {
  const error = { type: "error", code: "interrupted", message: "", retryable: true } as const;
  expect(onWire(replayEvents(started, "", error, null, 500))).toEqual([{ id: 501, event: error }]);
});

test("whoever comes when, from wherever, reads the whole text once and in order", () => {
  const token = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(
      fc.array(fc.record({ token, pauseMs: fc.nat(40), reads: fc.boolean() }), { maxLength: 40 }),
      fc.nat(100),
      (steps, start) => {
        const { log, advance } = makeLog();
        const whole = steps.map((step) => step.token).join("");
        const reader: { id: number; event: StreamEvent }[] = [];
        const from = Math.min(start, whole.length);
        let position = from;
        let nowMs = 0;
        const read = () => {
          for (const entry of onWire(log.after(position))) {
            // A position ahead of the log is that of a client which had more already.
            position = entry.id;
            reader.push(entry);
          }
        };
        for (const step of steps) {
          nowMs += step.pauseMs;
          advance(step.pauseMs);
          log.append(step.token);
          if (nowMs % 2 === 0) log.flush(nowMs);
          if (step.reads && log.length >= from) read();
        }
        log.end(done, usage);
        read();
        expect(textOf(reader)).toBe(whole.slice(from));
        const ids = reader.map((entry) => entry.id);
        expect(ids).toEqual([...ids].sort((a, b) => a - b));
        expect(new Set(ids).size).toBe(ids.length);
        expect(onWire(replayEvents(started, whole, done, usage, from))).toEqual(
          onWire(log.after(from)),
        );
        expect(log.text()).toBe(whole);
      },
    ),
  );
});
