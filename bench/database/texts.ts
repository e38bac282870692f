import type { Random } from "./random.ts";

/** A language as the database sees it: its letters, and how often each of its words comes. */
type Language = { words: string[]; space: string; share: number };

const wordsEach = 20_000;

/**
 * Texts whose words are as frequent as those of real languages (the nth word comes 1/n as often as
 * the first), in scripts with and without spaces.
 */
export class Texts {
  readonly #random: Random;
  readonly #languages: Language[];

  constructor(random: Random) {
    this.#random = random;
    const latin = ["ba", "ter", "lo", "sin", "ce", "ra", "men", "ti", "on", "gu", "ve", "pla"];
    this.#languages = [
      { words: this.#vocabulary(latin, 1, 4), space: " ", share: 0.55 },
      {
        words: this.#vocabulary(["äu", "ße", "ung", "ge", "hör", "lich", "fen", "ü"], 1, 4),
        space: " ",
        share: 0.2,
      },
      {
        words: this.#vocabulary(["пре", "ста", "ния", "го", "вор", "ить", "об", "ла"], 1, 4),
        space: " ",
        share: 0.13,
      },
      {
        words: this.#vocabulary(
          [..."的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年"],
          1,
          2,
        ),
        space: "",
        share: 0.07,
      },
      {
        words: this.#vocabulary([..."のにはをたがでてとしれさあるいもないカタナラリルンス"], 1, 3),
        space: "",
        share: 0.05,
      },
    ];
  }

  /** A word that is in a third of the texts or so, and none of another language. */
  get commonWord(): string {
    return this.#languages[0]?.words[1] ?? "";
  }

  /** A word that is in few texts. */
  rareWord(random: Random): string {
    return this.#languages[0]?.words[10_000 + random.below(5_000)] ?? "";
  }

  make(words: number): string {
    const language = this.#language();
    const picked: string[] = [];
    for (let i = 0; i < words; i++) picked.push(this.#word(language));
    return picked.join(language.space);
  }

  #language(): Language {
    let point = this.#random.next();
    for (const language of this.#languages) {
      point -= language.share;
      if (point < 0) return language;
    }
    return this.#languages[0] as Language;
  }

  #word({ words }: Language): string {
    // By the inverse of 1/n: e to the power of a uniform number.
    return words[Math.floor(words.length ** this.#random.next()) - 1] as string;
  }

  #vocabulary(syllables: readonly string[], least: number, most: number): string[] {
    const words = new Set<string>();
    for (let length = least; words.size < wordsEach; length = Math.min(most + 4, length + 0.001)) {
      const count = Math.floor(length) + this.#random.below(most - least + 1);
      let word = "";
      for (let i = 0; i < count; i++) word += this.#random.pick(syllables);
      words.add(word);
    }
    return [...words];
  }
}
