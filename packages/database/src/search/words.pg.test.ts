import { afterAll, beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
import fc from "fast-check";
import { useDatabase } from "../testing/use-database.ts";
import { parseSearch, toTsquery } from "./search-query.ts";
import { pairsOf, wordsOf } from "./words.ts";

const fixture = useDatabase();
let sql: SQL;

beforeAll(() => {
  sql = new SQL({ url: fixture.url, max: 1 });
});
afterAll(() => sql.close());

/** What `search_text` should make of a text. */
function expectedWords(text: string): string[] {
  return wordsOf(text).flatMap(({ text: word, isSpaceless }) => {
    const characters = [...word];
    if (!isSpaceless) return [word];
    return [
      characters[0] ?? "",
      ...(characters.length > 1 ? pairsOf(word) : []),
      characters.at(-1) ?? "",
    ];
  });
}

async function storedWords(text: string): Promise<string[]> {
  const [row] = await sql`select search_text(${text}) as words`;
  return row.words.split(" ").filter((word: string) => word !== "");
}

test("the database parts words at the same characters as what is searched, for all of Unicode", async () => {
  for (let start = 1; start < 0x32000; start += 0x1000) {
    let text = "";
    for (let code = start; code < start + 0x1000; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      // Those that would compose with the letter before are left to the next test.
      const character = String.fromCodePoint(code);
      if (/\p{M}/u.test(character) || character !== character.normalize("NFC")) continue;
      text += `a${character}b `;
    }
    expect([start, await storedWords(text)]).toEqual([start, expectedWords(text)]);
  }
});

test("any text has the same words in the database as here", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 80 }), async (text) => {
      const keepable = text.replaceAll("\0", " ");
      expect(await storedWords(keepable)).toEqual(expectedWords(keepable));
    }),
    { numRuns: 300 },
  );
});

test("Postgres reads whatever is made of whatever is typed", async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '"',
      "-",
      " or ",
      " ",
      "'",
      "\\",
      ":*",
      "&",
      "|",
      "!",
      "(",
      ")",
      "<->",
      "苹果",
      "é",
    ),
    fc.string({ unit: "grapheme", maxLength: 8 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
      const query = parseSearch(pieces.join("").toWellFormed());
      if (!query) return;
      for (const withPrefixes of [true, false]) {
        await sql`select to_tsquery('peregrine', ${toTsquery(query, withPrefixes)})`;
      }
    }),
    { numRuns: 500 },
  );
});
