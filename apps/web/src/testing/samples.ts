import type { Conversation, Message } from "@peregrine/protocol";

/** A UUIDv7-like id that sorts by its number. */
export function idOf(number: number): string {
  return `01890a5d-ac96-774b-bcce-${String(number).padStart(12, "0")}`;
}

export function message(number: number, fields: Partial<Message> = {}): Message {
  const isQuestion = number % 2 === 1;
  return {
    id: idOf(number),
    conversationId: idOf(0),
    role: isQuestion ? "user" : "assistant",
    content: isQuestion ? `question ${number}` : `answer ${number}`,
    status: "complete",
    author: null,
    questionId: isQuestion ? null : idOf(number - 1),
    model: isQuestion ? null : "model",
    usage: null,
    error: null,
    files: [],
    createdAt: "2026-01-01T00:00:00.000Z",
    finishedAt: null,
    ...fields,
  };
}

export function conversation(number: number, fields: Partial<Conversation> = {}): Conversation {
  return {
    id: idOf(number),
    title: `Title ${number}`,
    preview: "",
    model: null,
    cancelWhenAlone: false,
    cacheAnswers: false,
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString(),
    ...fields,
  };
}

/** Frames that are drawn when the test says so. */
export function manualFrames() {
  const waiting = new Map<number, () => void>();
  let next = 1;
  return {
    request: (draw: () => void) => {
      waiting.set(next, draw);
      return next++;
    },
    cancel: (handle: number) => void waiting.delete(handle),
    nowMs: () => 0,
    pending: () => waiting.size,
    draw: () => {
      const due = [...waiting.values()];
      waiting.clear();
      for (const draw of due) draw();
    },
  };
}
