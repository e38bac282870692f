/*
 * What counts as a word, for what is searched and for marking it in a text. `search_text` in the
 * database does the same to what is stored; a test compares the two for every character.
 */

/** Characters that part words. Not told by Unicode's classes, so that Postgres can do the same. */
const gap =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII.
  /[\u0000-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u2000-\u2bff\u3000-\u3004\u3007-\u3020\u3030-\u303f\ufe10-\ufe6f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\ufff0-\uffff\u{1f000}-\u{1faff}]+/u;

/** Scripts without spaces between words: Chinese, Japanese, Thai, Lao, Burmese, Khmer; and Korean. */
const spacelessCharacter =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3006\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\u{20000}-\u{3ffff}]/u;

const runs = new RegExp(
  `${spacelessCharacter.source}+|(?:(?!${spacelessCharacter.source}).)+`,
  "gsu",
);

/** A letter, digit or mark of a script that puts spaces between words. */
export const wordCharacter = `(?:(?!${spacelessCharacter.source})[\\p{L}\\p{N}\\p{M}])`;

/** A longer one is no word: Postgres keeps none above 2,047 bytes. */
const maxWordLength = 200;

/** One word; or several characters of a script without spaces. */
export type Word = { text: string; isSpaceless: boolean };

export function wordsOf(text: string): Word[] {
  const parted = text.split(gap).join(" ");
  // Under the same condition as in the database, where it is not for nothing.
  const composed = /[\u0300-\u036f]/.test(parted) ? parted.normalize("NFC") : parted;
  return composed
    .split(" ")
    .flatMap((word) => word.match(runs) ?? [])
    .map((word) => ({
      text: [...word].slice(0, maxWordLength).join(""),
      isSpaceless: spacelessCharacter.test(word),
    }));
}

/** "abc" is "ab", "bc": how a text of such a script is kept in the index. */
export function pairsOf(text: string): string[] {
  const characters = [...text];
  if (characters.length < 2) return characters;
  return characters.slice(1).map((character, i) => `${characters[i]}${character}`);
}
