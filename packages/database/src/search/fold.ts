/** Letters that Postgres' unaccent writes as others, and Unicode does not take apart. */
const letters: Record<string, string> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ð: "d",
  ł: "l",
  ı: "i",
  þ: "th",
};

/** Lower case without accents, as words are compared. */
export function fold(text: string): string {
  const plain = text
    .toLowerCase()
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "");
  return plain.replace(/[ßæœøđðłıþ]/g, (letter) => letters[letter] ?? letter).normalize("NFC");
}

/** A folded text, and where in the text each of its code units (and its end) comes from. */
export type FoldedText = { text: string; origin: (index: number) => number };

export function foldWithOrigins(text: string): FoldedText {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII.
  if (/^[\u0000-\u007f]*$/.test(text))
    return { text: text.toLowerCase(), origin: (index) => index };
  const origins: number[] = [];
  let folded = "";
  let position = 0;
  for (const character of text) {
    const plain = character < "\u0080" ? character.toLowerCase() : fold(character);
    for (let i = 0; i < plain.length; i++) origins.push(position);
    folded += plain;
    position += character.length;
  }
  origins.push(position);
  return { text: folded, origin: (index) => origins[index] ?? position };
}
