import { fold } from "./fold.ts";
import type { SearchQuery } from "./search-query.ts";

/** Words with fewer letters are too close to too many others. */
const shortestCorrected = 4;

/**
 * Puts the nearest known word in the place of each that is not known: one edit away for up to seven
 * letters, two for longer ones. An edit is a letter too many, too few, another, or two that changed
 * places. Of equally near ones the first known wins.
 *
 * Trigrams would need an extension that, where the database's locale is C (as in the embedded
 * Postgres), knows no letters beyond ASCII; and edits find what trigrams do not: "teh", "recieve".
 *
 * @param known folded words, the most frequent first
 * @returns null if nothing was put in place
 */
export function correct(text: string, query: SearchQuery, known: readonly string[]): string | null {
  const vocabulary = new Set(known);
  let corrected = text;
  for (const term of query.flat()) {
    if (term.isNegated || term.isQuoted) continue;
    for (const { text: written } of term.words.filter((word) => !word.isSpaceless)) {
      const word = fold(written);
      if (vocabulary.has(word)) continue;
      const better = nearest(word, known);
      if (better) corrected = corrected.replace(written, () => better);
    }
  }
  return corrected === text ? null : corrected;
}

/** The lengths that a correction of the query's words can have; null where none can be corrected. */
export function lengthsToKnow(query: SearchQuery): { shortest: number; longest: number } | null {
  const lengths = query
    .flat()
    .filter((term) => !term.isNegated && !term.isQuoted)
    .flatMap((term) => term.words.filter((word) => !word.isSpaceless))
    .map((word) => [...fold(word.text)].length)
    .filter((length) => length >= shortestCorrected);
  if (lengths.length === 0) return null;
  return { shortest: Math.min(...lengths) - 2, longest: Math.max(...lengths) + 2 };
}

function nearest(word: string, known: readonly string[]): string | null {
  const letters = [...word];
  if (letters.length < shortestCorrected) return null;
  const wordLetters = letterSet(word);
  let limit = letters.length > 7 ? 2 : 1;
  let best: string | null = null;
  for (const candidate of known) {
    // An edit changes at most two of the letters that a word has; most words are out by that.
    if (differentLetters(wordLetters, letterSet(candidate)) > 2 * limit) continue;
    const distance = editDistance(letters, [...candidate], limit);
    if (distance > limit) continue;
    if (distance === 1) return candidate;
    best = candidate;
    // From here on only a nearer one counts.
    limit = distance - 1;
  }
  return best;
}

/** Damerau and Levenshtein's, without edits inside swapped letters; anything above `limit` is "more". */
export function editDistance(a: readonly string[], b: readonly string[], limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = b.map((_, i) => i).concat(b.length);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
      least = Math.min(least, cost);
    }
    if (least > limit) return limit + 1;
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? limit + 1;
}

/** A bit for each letter, of which some share one. */
function letterSet(word: string): number {
  let set = 0;
  for (let i = 0; i < word.length; i++) set |= 1 << (word.charCodeAt(i) & 31);
  return set;
}

function differentLetters(a: number, b: number): number {
  let count = 0;
  for (let bits = a ^ b; bits !== 0; bits &= bits - 1) count++;
  return count;
}
