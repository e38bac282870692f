import type { Conversation } from "@peregrine/protocol";

/** What to call a conversation: until it has a title, what was said in it last. */
export function titleOf({ title, preview }: Conversation): string {
  return title ?? (preview || "New conversation");
}
