import { expect, test } from "bun:test";
import { idOf, manualFrames, message } from "../testing/samples.ts";
import { MessageEntry } from "./message-entry.ts";

const running = () => message(2, { status: "running", content: "" });

test("draws once a frame, however many pieces come", () => {
  const frames = manualFrames();
  const entry = new MessageEntry(running(), frames);
  let drawings = 0;
  const stop = entry.streamed.subscribe(() => drawings++);
  for (const word of ["one ", "two ", "three"]) entry.receive({ type: "delta", text: word });
  expect(entry.streamed.value).toBeNull();
  expect(frames.pending()).toBe(1);
  frames.draw();
  expect(entry.streamed.value?.map((block) => block.token.raw)).toEqual(["one two three"]);
  expect(drawings).toBe(2);
  frames.draw();
  expect(drawings).toBe(2);
  stop();
});

test("the end is drawn at once: a hidden tab has no frames", () => {
  const entry = new MessageEntry(running(), manualFrames());
  entry.receive({ type: "delta", text: "all of it" });
  entry.receive({ type: "done", status: "complete" });
  expect(entry.streamed.value).toHaveLength(1);
  expect(entry.message.value).toMatchObject({ status: "complete", content: "all of it" });
});

test("an error keeps the text and says what went wrong", () => {
  const entry = new MessageEntry(running(), manualFrames());
  entry.receive({ type: "delta", text: "half" });
  entry.receive({ type: "error", code: "model_timeout", message: "too slow", retryable: true });
  expect(entry.message.value).toMatchObject({
    status: "interrupted",
    content: "half",
    error: { code: "model_timeout", message: "too slow" },
  });
});

test("the server's finished version completes a stream that is behind", () => {
  const entry = new MessageEntry(running(), manualFrames());
  entry.receive({ type: "delta", text: "first\n\nsec" });
  entry.update(message(2, { content: "first\n\nsecond" }));
  expect(entry.streamed.value?.map((block) => block.token.raw)).toEqual(["first", "second"]);
  entry.receive({ type: "delta", text: "ond" });
  expect(entry.text).toBe("first\n\nsecond");
});

test("the server's version counts where the texts differ", () => {
  const entry = new MessageEntry(running(), manualFrames());
  entry.receive({ type: "delta", text: "something else" });
  entry.update(message(2, { content: "the answer" }));
  expect(entry.streamed.value).toBeNull();
  expect(entry.text).toBe("the answer");
});

test("who was reading an answer keeps what its server took along when it died", () => {
  const entry = new MessageEntry(running(), manualFrames());
  entry.receive({ type: "delta", text: "half" });
  for (let times = 0; times < 2; times++) {
    entry.update(message(2, { status: "interrupted", content: "" }));
    expect(entry.message.value).toMatchObject({ status: "interrupted", content: "half" });
    expect(entry.streamed.value).toHaveLength(1);
  }
  entry.update(message(2, { status: "interrupted", content: "half of it" }));
  expect(entry.text).toBe("half of it");
});

test("a late `running` does not undo an end", () => {
  const entry = new MessageEntry(message(2), manualFrames());
  entry.update(running());
  expect(entry.message.value).toMatchObject({
    id: idOf(2),
    status: "complete",
    content: "answer 2",
  });
});
