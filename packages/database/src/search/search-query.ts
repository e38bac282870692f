import { pairsOf, type Word, wordsOf } from "./words.ts";

/** Words that stand together: `"quoted ones"`, `what-has.gaps`, or a single one. */
type Term = {
  words: Word[];
  isNegated: boolean;
  isQuoted: boolean;
  /** May go on: the word that is being typed. */
  isPrefix: boolean;
  /** As it was written. */
  source: string;
};

/** Any of these groups, and of a group every term. */
export type SearchQuery = Term[][];

/**
 * Reads what a person typed, in the syntax of Postgres' `websearch_to_tsquery`: words, `"phrases"`,
 * `-without`, `or`. Nothing is an error. The last word may be unfinished unless a space follows it.
 *
 * @returns null if there is no word in it
 */
export function parseSearch(text: string): SearchQuery | null {
  const groups: SearchQuery = [[]];
  const tokens = [...text.matchAll(/(-?)(?:"([^"]*)(?:"|$)|([^\s"]+))/g)];
  for (const [index, token] of tokens.entries()) {
    const [source, minus, quoted, plain] = token;
    if (plain !== undefined && minus === "" && plain.toLowerCase() === "or") {
      if (groups.at(-1)?.length !== 0) groups.push([]);
      continue;
    }
    const words = wordsOf(quoted ?? plain ?? "");
    if (words.length === 0) continue;
    const isLast = index === tokens.length - 1 && token.index + source.length === text.length;
    groups.at(-1)?.push({
      words,
      source,
      isNegated: minus === "-",
      isQuoted: quoted !== undefined,
      isPrefix: isLast && minus === "" && quoted === undefined,
    });
  }
  const filled = groups.filter((group) => group.length > 0);
  return filled.length === 0 ? null : filled;
}

/**
 * The text that `to_tsquery` reads. Words hold letters, digits and marks only, so nothing in them
 * needs an escape.
 *
 * @param withPrefixes false takes a word that may be unfinished for a whole one
 */
export function toTsquery(query: SearchQuery, withPrefixes: boolean): string {
  return query
    .map((group) => group.map((term) => renderTerm(term, withPrefixes)).join(" & "))
    .join(" | ");
}

/** Whether what is looked for is told by exclusions alone: nearly everything, and no index helps. */
export function isOpen(query: SearchQuery): boolean {
  return query.some((group) => group.every((term) => term.isNegated));
}

function renderTerm(term: Term, withPrefixes: boolean): string {
  const parts: string[] = [];
  let chain: string[] = [];
  const endChain = () => {
    if (chain.length > 0) parts.push(chain.join(" <-> "));
    chain = [];
  };
  for (const [index, word] of term.words.entries()) {
    if (word.isSpaceless) {
      endChain();
      // Beside a run its first and last character are kept too, so a phrase cannot go across. Left
      // loose where it may be: positions end at 16,383.
      const isStrict = term.isQuoted || term.isNegated;
      const pairs = pairsOf(word.text);
      // A single character is found as the beginning of a pair.
      const isPrefix = withPrefixes && pairs[0] === word.text && pairs.length === 1;
      const lexemes = pairs.map((pair) => lexeme(pair, isPrefix && [...pair].length === 1));
      parts.push(lexemes.join(isStrict ? " <-> " : " & "));
    } else {
      const isPrefix = term.isPrefix && index === term.words.length - 1;
      chain.push(lexeme(word.text, isPrefix && withPrefixes));
    }
  }
  endChain();
  const all = parts.length === 1 ? (parts[0] ?? "") : parts.map((p) => `(${p})`).join(" & ");
  return term.isNegated ? `!(${all})` : `(${all})`;
}

function lexeme(word: string, isPrefix = false): string {
  return `'${word}'${isPrefix ? ":*" : ""}`;
}
