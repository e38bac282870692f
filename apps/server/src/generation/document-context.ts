import type { AttachedText } from "@peregrine/database";
import { beginningWithin } from "../models/history-budget.ts";
import type { ModelMessage } from "../models/model.ts";
import { estimateTokens } from "../models/token-estimate.ts";

/** A message as it was asked, with its id where files are attached to it. */
export type AskedMessage = ModelMessage & { withFiles?: string };

/** Of the whole budget: the rest is for the question and what was said before it. */
const documentsShare = 0.6;
/** What stands around a text. */
const frameTokens = 50;
/** Less of a text than this is of no use to anybody. */
const minTokens = 50;

/** How many tokens texts may take of a budget. */
export function documentTokens(budgetTokens: number): number {
  return Math.floor(budgetTokens * documentsShare);
}

/**
 * Puts the texts of attached files before the words of the messages they came with.
 *
 * The newest message's files go first, each as far as there is room: one that does not fit whole
 * is cut, one for which no room is left is named alone, so that the model can say what it has not
 * read. A file without text is named with its type. Messages without files are as they were.
 */
export function withDocuments(
  messages: readonly AskedMessage[],
  texts: readonly AttachedText[],
  budgetTokens: number,
): ModelMessage[] {
  const ofMessage = new Map<string, AttachedText[]>();
  for (const text of texts) {
    const others = ofMessage.get(text.messageId);
    if (others) others.push(text);
    else ofMessage.set(text.messageId, [text]);
  }
  let left = documentTokens(budgetTokens);
  return messages
    .toReversed()
    .map(({ role, content, withFiles }) => {
      const attached = (withFiles && ofMessage.get(withFiles)) || [];
      const parts = attached.map((text) => {
        const part = present(text, left);
        left -= estimateTokens(part);
        return part;
      });
      return { role, content: [...parts, content].join("\n\n") };
    })
    .reverse();
}

function present(text: AttachedText, leftTokens: number): string {
  const name = JSON.stringify(text.name);
  if (text.content === null) {
    return `[Attached file ${name}: ${text.mediaType}, ${text.sizeBytes} bytes, without readable text]`;
  }
  const room = leftTokens - frameTokens;
  if (room < minTokens) return `[Attached file ${name}: left out, there is no room for it]`;
  const content = beginningWithin(text.content, room);
  const isCut = text.isCut || content.length < text.content.length;
  const end = isCut ? "[Cut here: the file goes on]" : `[End of ${name}]`;
  return `[Attached file ${name}]\n${content}\n${end}`;
}
