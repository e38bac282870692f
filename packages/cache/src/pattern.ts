import { CacheError, shown } from "./errors.ts";

/**
 * A pattern of keys as administrators know it from Redis: `*` any run, `?` one character,
 * `[a-z]` one of a set, `[^a]` one outside it, `\` takes the next character as it is.
 *
 * A pattern without wildcards, or with nothing but a final `:*`, is a prefix of keys on a colon and
 * costs one guard. Any other has to look at every key.
 */
export type Pattern =
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "glob"; readonly glob: string };

export function parsePattern(text: string): Pattern {
  if (typeof text !== "string" || text.length === 0 || text.length > MAX_LENGTH) {
    throw new CacheError(
      "BAD_PATTERN",
      `pattern ${shown(text)} has to be a text of 1 to ${MAX_LENGTH} characters`,
    );
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw new CacheError("BAD_PATTERN", `pattern ${shown(text)} contains a control character`);
  }
  if (/^[*:?]*\*[*:?]*$/.test(text)) {
    throw new CacheError(
      "PATTERN_MATCHES_EVERYTHING",
      `pattern ${shown(text)} matches everything; to empty the whole cache say so: clear everything`,
    );
  }
  const stem = text.endsWith(":*") ? text.slice(0, -2) : text;
  if (!/[*?[\]\\]/.test(stem)) return { kind: "prefix", prefix: stem };
  compileGlob(text);
  return { kind: "glob", glob: text };
}

/** The pattern as a regular expression over whole keys. */
export function compileGlob(glob: string): RegExp {
  let source = "";
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at] as string;
    if (character === "*") {
      // Runs of stars would make matching exponential.
      while (glob[at + 1] === "*") at++;
      source += "[^]*?";
    } else if (character === "?") source += "[^]";
    else if (character === "\\" && at + 1 < glob.length) source += escaped(glob[++at] as string);
    else if (character === "[") {
      const end = glob.indexOf("]", at + 2);
      if (end === -1) {
        throw new CacheError("BAD_PATTERN", `pattern ${shown(glob)} has a [ without its ]`);
      }
      const negated = glob[at + 1] === "^";
      const members = glob.slice(at + (negated ? 2 : 1), end);
      source += `[${negated ? "^" : ""}${members.replace(/[\\\]^[]/g, "\\$&")}]`;
      at = end;
    } else source += escaped(character);
  }
  try {
    return new RegExp(`^${source}$`);
  } catch (cause) {
    throw new CacheError("BAD_PATTERN", `pattern ${shown(glob)} has a range out of order`, {
      cause,
    });
  }
}

/** A text in which no character means anything to Redis' own matching. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, "\\$&");
}

function escaped(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

const MAX_LENGTH = 1024;
