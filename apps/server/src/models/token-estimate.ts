/** Thousandths of a token that each ASCII character weighs. */
const asciiWeights = Uint16Array.from({ length: 128 }, (_, unit) => {
  if (unit === 10) return 500;
  if (unit <= 32) return 200; // a space mostly joins the word after it
  if (unit >= 48 && unit <= 57) return 500; // some models take a token for each digit, some for three
  if ((unit | 32) >= 97 && (unit | 32) <= 122) return 250;
  return 600; // punctuation: prose has little of it, code is made of it
});

/** The same for a whole block of 256 characters, by its high byte. */
const blockWeights = Uint16Array.from({ length: 256 }, (_, block) => {
  if (block <= 0x02) return 400; // accented Latin
  if (block <= 0x06) return 550; // Greek, Cyrillic, Armenian, Hebrew, Arabic
  if (block <= 0x1f) return 800; // Indic, Thai, Georgian, Ethiopic, …
  if (block <= 0x2d) return 1000; // symbols, arrows, boxes
  if (block >= 0xd8 && block <= 0xdf) return 1500; // each half of an emoji or a rare ideograph
  return 1300; // ideographs, kana, hangul
});

/**
 * About how many tokens a text is, without the model's tokenizer: by script, 4 letters of English, 2
 * of Cyrillic or 0.8 ideographs a token, code in between. Meant for budgets, so it rather says too
 * much: tokenizers differ by half, and a prompt that is too long is refused where one that is
 * shorter than it could be only remembers a little less.
 */
export function estimateTokens(text: string): number {
  let thousandths = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    thousandths += (unit < 128 ? asciiWeights[unit] : blockWeights[unit >> 8]) as number;
  }
  return Math.ceil(thousandths / 1000);
}
