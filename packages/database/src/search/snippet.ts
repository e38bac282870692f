import { fold, foldWithOrigins } from "./fold.ts";
import type { SearchQuery } from "./search-query.ts";
import { wordCharacter } from "./words.ts";

/** As much of a text as search looks at: what `search_text` reads in the database. */
const searchedLength = 80_000;
const snippetLength = 220;
/** How much of it stands before the first match. */
const leadLength = 50;
const maxMatches = 200;

type Match = { start: number; end: number };

/**
 * The part of a text that matches best, on one line: HTML in which the text is escaped and each
 * match stands in `<mark>`. Postgres has `ts_headline` for it, which parses each text anew and
 * takes 20 times as long.
 */
export function makeSnippet(text: string, query: SearchQuery): string {
  const searched = text.slice(0, searchedLength);
  const matches = findMatches(searched, query);
  const first = bestStart(matches);
  const start = first === undefined ? 0 : wordStart(searched, first.start - leadLength);
  const end = wholeCharacters(searched, start + snippetLength);
  let html = start > 0 ? "…" : "";
  let position = start;
  for (const match of matches) {
    if (match.start < position || match.start >= end) continue;
    const matchEnd = Math.min(match.end, end);
    html += escapeHtml(searched.slice(position, match.start));
    html += `<mark>${escapeHtml(searched.slice(match.start, matchEnd))}</mark>`;
    position = matchEnd;
  }
  html += escapeHtml(searched.slice(position, end));
  if (end < text.length) html += "…";
  return html.replace(/\s+/g, " ").trim();
}

function findMatches(text: string, query: SearchQuery): Match[] {
  const pattern = patternOf(query);
  if (!pattern) return [];
  const folded = foldWithOrigins(text);
  const matches: Match[] = [];
  for (const match of folded.text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    // The last character may have been more than one, or have lost an accent that followed it.
    matches.push({ start: folded.origin(match.index), end: folded.origin(end) });
    if (matches.length === maxMatches) break;
  }
  return matches;
}

function patternOf(query: SearchQuery): RegExp | null {
  const alternatives = query
    .flat()
    .filter((term) => !term.isNegated)
    .flatMap((term) =>
      term.words.map((word, index) => {
        const isPrefix = term.isPrefix && index === term.words.length - 1;
        if (word.isSpaceless) return fold(word.text);
        return `(?<!${wordCharacter})${fold(word.text)}${isPrefix ? `${wordCharacter}*` : `(?!${wordCharacter})`}`;
      }),
    );
  if (alternatives.length === 0) return null;
  // The longest first, as the first alternative that fits is taken.
  const unique = [...new Set(alternatives)].sort((a, b) => b.length - a.length);
  return new RegExp(unique.join("|"), "gu");
}

/** The match from which on most of the others stand within one snippet. */
function bestStart(matches: Match[]): Match | undefined {
  let best: Match | undefined;
  let most = 0;
  let last = 0;
  for (const [index, match] of matches.entries()) {
    const limit = match.start + snippetLength - leadLength;
    while (last < matches.length && (matches[last]?.end ?? 0) <= limit) last++;
    if (last - index > most) {
      most = last - index;
      best = match;
    }
  }
  return best ?? matches[0];
}

/** The beginning of a word at or a little after a position. */
function wordStart(text: string, position: number): number {
  if (position <= 0) return 0;
  const space = text.slice(position, position + leadLength).search(/\s/);
  if (space !== -1) return position + space + 1;
  // Not between the halves of a surrogate pair.
  return /[\udc00-\udfff]/.test(text[position] ?? "") ? position + 1 : position;
}

/** The end of a text, or a position in it that does not part a surrogate pair. */
function wholeCharacters(text: string, position: number): number {
  if (position >= text.length) return text.length;
  return /[\udc00-\udfff]/.test(text[position] ?? "") ? position - 1 : position;
}

function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
