import type { Message } from "@peregrine/protocol";

let next = 0;

/** A message that this page shows before the server has said its id. */
export function localMessage(
  role: Message["role"],
  fields: {
    conversationId: string | null;
    content: string;
    author?: Message["author"];
    files?: Message["files"];
  },
): Message {
  return {
    id: `local-${next++}`,
    conversationId: fields.conversationId ?? "",
    role,
    content: fields.content,
    status: role === "user" ? "complete" : "running",
    author: fields.author ?? null,
    questionId: null,
    model: null,
    usage: null,
    error: null,
    files: fields.files ?? [],
    createdAt: new Date().toISOString(),
    finishedAt: null,
  };
}
