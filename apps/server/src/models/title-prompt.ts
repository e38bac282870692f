import { limits } from "@peregrine/protocol";
import type { Model, ModelRequest } from "./model.ts";

/** The beginning of a conversation, to be named. */
type TitleInput = {
  model: string;
  question: string;
  answer: string;
  conversationId?: string;
};

/** The system prompt of requests for a title, by which the demonstration model knows them. */
export const titleInstructions =
  "You name conversations. Reply with a title of 2 to 6 words for the conversation below, in the language of its question. Reply with the title alone: no quotation marks, no explanation, no full stop.";

const maxExcerptLength = 2000;
const maxTitleLength = Math.min(80, limits.titleLength);
/** Enough for a title after the thoughts of a model that reasons. */
const maxTokens = 500;

/**
 * The title of a new conversation: the model's or, where it gives none that is of use, the beginning
 * of the question.
 *
 * @throws ModelError, or the reason of `signal`
 */
export async function makeTitle(
  model: Model,
  { question, answer, ...rest }: TitleInput,
  signal: AbortSignal,
): Promise<string> {
  const conversation = `Question:\n${excerpt(question)}\n\nAnswer:\n${excerpt(answer)}`;
  const request: ModelRequest = {
    ...rest,
    messages: [
      { role: "system", content: titleInstructions },
      { role: "user", content: `${conversation}\n\nTitle:` },
    ],
    maxTokens,
    priority: "background",
  };
  let text = "";
  for await (const event of model.stream(request, signal)) {
    if (event.type === "delta") text += event.text;
  }
  return cleanTitle(text) ?? cleanTitle(question) ?? "New conversation";
}

/**
 * Takes from what a model returned what it was not asked for: thoughts, "Title:", quotation marks,
 * Markdown, JSON, further lines.
 *
 * @returns null where nothing is left
 */
export function cleanTitle(text: string): string | null {
  const spoken = text.replace(/<think(?:ing)?>[\s\S]*?(?:<\/think(?:ing)?>|$)/gi, "");
  const json = /^\s*(?:```\w*\s*)?\{\s*"title"\s*:\s*"((?:[^"\\]|\\.)*)"/i.exec(spoken)?.[1];
  const lines = (json?.replace(/\\"/g, '"') ?? spoken).split(/[\r\n]+/);
  for (const line of lines) {
    const title = cutAtWord(stripMarks(line));
    if (title !== "") return title;
  }
  return null;
}

function stripMarks(line: string): string {
  let title = line
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ")
    .replaceAll("**", "")
    .toWellFormed()
    .trim();
  if (/^`{3}|^[-*_=]{3,}$/.test(title)) return "";
  for (let before = ""; before !== title; ) {
    before = title;
    title = title
      .replace(/^(?:#{1,6}\s+|[-*•]\s+|>\s+)/, "")
      .replace(
        /^(?:title|titel|titre|título|titolo|заголовок|название|标题|タイトル|제목)\s*[:：]\s*/iu,
        "",
      )
      .replace(/^(["'`*_]{1,3})(.+)\1$/u, "$2")
      .replace(/^[“„«‹「『‘](.+)[”“»›」』’]$/u, "$1")
      .replace(/(?<!\.)\.$/, "")
      .trim();
  }
  return /^[\p{P}\p{Sk}\s]*$/u.test(title) ? "" : title;
}

function cutAtWord(title: string): string {
  if (title.length <= maxTitleLength) return title;
  const cut = title
    .slice(0, maxTitleLength - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, "");
  const space = cut.lastIndexOf(" ");
  return `${space > maxTitleLength / 2 ? cut.slice(0, space) : cut}…`;
}

function excerpt(text: string): string {
  return text.length <= maxExcerptLength
    ? text
    : `${text.slice(0, maxExcerptLength).toWellFormed()}…`;
}
