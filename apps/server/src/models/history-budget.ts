import type { ModelMessage } from "./model.ts";
import { estimateTokens } from "./token-estimate.ts";

/** What a message costs beside its text: its role and the marks around it. */
const messageTokens = 4;

/**
 * Cuts a history, oldest first, to about `budgetTokens`:
 *
 * - a system prompt at its beginning and the newest question always stay;
 * - of the rest, the newest messages that fit stay, whole and without a gap;
 * - empty messages are left out, and what follows a system prompt begins with a question;
 * - messages of the same role in a row become one, since many servers demand that roles alternate
 *   (two questions stand side by side where the answer between them failed).
 *
 * A newest question that alone is beyond the budget loses its middle, and says so to the model: an
 * instruction stands before or after what was pasted, seldom within. It is not refused, because the
 * count is an estimate and the question was already asked. Takes one pass over what is kept.
 */
export function cutHistory(
  messages: readonly ModelMessage[],
  budgetTokens: number,
): ModelMessage[] {
  const system = messages[0]?.role === "system" ? messages[0] : undefined;
  const newest = messages.at(-1);
  if (!newest || newest === system) return system ? [system] : [];

  let left = budgetTokens - (system ? messageTokens + estimateTokens(system.content) : 0);
  const question = { ...newest, content: cutMiddle(newest.content, left - messageTokens) };
  left -= messageTokens + estimateTokens(question.content);

  const kept: ModelMessage[] = [question];
  for (let i = messages.length - 2; i >= (system ? 1 : 0); i--) {
    const message = messages[i] as ModelMessage;
    if (message.content.trim() === "") continue;
    left -= messageTokens + estimateTokens(message.content);
    if (left < 0) break;
    kept.push(message);
  }
  while (kept.length > 1 && kept.at(-1)?.role === "assistant") kept.pop();
  if (system) kept.push(system);
  return joinRoles(kept.reverse());
}

function joinRoles(messages: ModelMessage[]): ModelMessage[] {
  const joined: ModelMessage[] = [];
  let parts: string[] = [];
  for (const [i, { role, content }] of messages.entries()) {
    parts.push(content);
    if (messages[i + 1]?.role === role) continue;
    joined.push({ role, content: parts.join("\n\n") });
    parts = [];
  }
  return joined;
}

/** Keeps the beginning and the end of a text, in the measure of the budget that its script needs. */
function cutMiddle(text: string, budgetTokens: number): string {
  const tokens = estimateTokens(text);
  if (tokens <= budgetTokens) return text;
  const mark = (length: number) => `\n\n[… ${length} characters left out here …]\n\n`;
  const room = Math.max(0, budgetTokens - estimateTokens(mark(text.length)));
  // Two thirds for the beginning; each end by its own script, not by the average of the whole.
  const head = beginningWithin(text, (room * 2) / 3);
  const tail = endWithin(text, room / 3);
  return `${head}${mark(text.length - head.length - tail.length)}${tail}`;
}

/**
 * The beginning of a text that is within a budget. Grows by what surely fits (no character weighs
 * above 1.5 tokens) until nothing more does.
 */
export function beginningWithin(text: string, budgetTokens: number): string {
  let end = 0;
  let left = budgetTokens;
  while (left >= 2 && end < text.length) {
    const next = Math.min(text.length, end + Math.floor(left / 1.5));
    left -= estimateTokens(text.slice(end, next));
    end = next;
  }
  return text
    .slice(0, end)
    .toWellFormed()
    .replace(/\uFFFD$/, "");
}

function endWithin(text: string, budgetTokens: number): string {
  let start = text.length;
  let left = budgetTokens;
  while (left >= 2 && start > 0) {
    const next = Math.max(0, start - Math.floor(left / 1.5));
    left -= estimateTokens(text.slice(next, start));
    start = next;
  }
  return text
    .slice(start)
    .toWellFormed()
    .replace(/^\uFFFD/, "");
}
