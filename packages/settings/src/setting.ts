/** One setting an administrator can make: what it is for, what is accepted, how it is read. */
export type Setting<T> = {
  readonly about: string;
  /** What is accepted, in words, for errors and for the documentation. */
  readonly accepts: string;
  /** Read when the variable is absent or empty; undefined where the setting may stay unset. */
  readonly fallback: string | undefined;
  /** Its value never appears in a log or an error. */
  readonly secret: boolean;
  /**
   * @returns undefined for a text that is not accepted
   * @throws Error where its message says better than `accepts` what is wrong; it shows no secret
   */
  readonly parse: (text: string) => T | undefined;
};

type Options = { about: string; secret?: boolean };

/** A setting of a kind of its own. */
export function setting<T>(
  accepts: string,
  { about, secret = false }: Options,
  fallback: string | number | undefined,
  parse: (text: string) => T | undefined,
): Setting<T> {
  return {
    about,
    accepts,
    secret,
    fallback: fallback === undefined ? undefined : String(fallback),
    parse,
  };
}

export function text(fallback: string, options: Options): Setting<string> {
  return setting("text", options, fallback, (value) => value);
}

export function optionalText(options: Options): Setting<string | undefined> {
  return setting("text", options, undefined, (value) => value);
}

/** A text that guards something: long enough, and in no log. */
export function optionalSecret(
  minLength: number,
  { about }: { about: string },
): Setting<string | undefined> {
  const options = { about, secret: true };
  return setting(`text of at least ${minLength} characters`, options, undefined, (value) =>
    value.length >= minLength ? value : undefined,
  );
}

export function integer(
  fallback: number,
  range: { min: number; max: number },
  options: Options,
): Setting<number> {
  return setting(`a whole number from ${range.min} to ${range.max}`, options, fallback, (value) => {
    if (!/^\d{1,15}$/.test(value)) return undefined;
    const number = Number(value);
    return number >= range.min && number <= range.max ? number : undefined;
  });
}

export function fraction(fallback: number, options: Options): Setting<number> {
  return setting("a fraction above 0 and up to 1, such as 0.8", options, fallback, (value) => {
    const number = /^\d(\.\d+)?$|^\.\d+$/.test(value) ? Number(value) : Number.NaN;
    return number > 0 && number <= 1 ? number : undefined;
  });
}

export function flag(fallback: boolean, options: Options): Setting<boolean> {
  return setting("true or false", options, String(fallback), (value) =>
    value === "true" ? true : value === "false" ? false : undefined,
  );
}

export function oneOf<const T extends string>(
  values: readonly T[],
  fallback: T,
  options: Options,
): Setting<T> {
  return setting(values.join(", "), options, fallback, (value) =>
    values.find((known) => known === value),
  );
}

/** An absolute URL of one of the given schemes; kept without a trailing slash. */
export function optionalUrl(
  schemes: readonly string[],
  options: Options,
): Setting<string | undefined> {
  return setting(`a URL: ${examples(schemes)}`, options, undefined, (value) =>
    parseUrl(value, schemes),
  );
}

export function urlList(schemes: readonly string[], options: Options): Setting<string[]> {
  return setting(`URLs separated by commas: ${examples(schemes)}`, options, "", (value) =>
    parseList(value, (part) => parseUrl(part, schemes)),
  );
}

/** Pairs as OpenTelemetry writes them: `a=1,b=2`, percent-encoded where they have to be. */
export function namedValues(options: Options): Setting<Record<string, string>> {
  return setting("name=value pairs separated by commas", options, "", (value) => {
    const pairs = parseList(value, (part) => {
      const [, name, text] = /^([\w.*/-]+)=(.*)$/.exec(part) ?? [];
      return name === undefined || text === undefined
        ? undefined
        : ([name, decoded(text)] as const);
    });
    return pairs && Object.fromEntries(pairs);
  });
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** As it is where it is not well-formed. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** IP addresses and CIDR ranges. */
export function addressList(options: Options): Setting<string[]> {
  return setting(
    "IP addresses or ranges separated by commas, such as 127.0.0.1,10.0.0.0/8",
    options,
    "",
    (value) =>
      parseList(value, (part) =>
        /^([0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)(\/\d{1,3})?$/.test(part) ? part : undefined,
      ),
  );
}

function examples(schemes: readonly string[]): string {
  return schemes.map((scheme) => `${scheme}://…`).join(" or ");
}

function parseList<T>(value: string, parse: (part: string) => T | undefined): T[] | undefined {
  const items: T[] = [];
  for (const part of value.split(",")) {
    if (part.trim() === "") continue;
    const item = parse(part.trim());
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

/** @throws Error where its name or password cannot be read; it shows neither */
function parseUrl(value: string, schemes: readonly string[]): string | undefined {
  if (!URL.canParse(value)) return undefined;
  const url = new URL(value);
  if (!schemes.includes(url.protocol.slice(0, -1)) || url.hostname === "") return undefined;
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    throw new Error("a % in the name or password of a URL must be written as %25");
  }
  return value.replace(/\/+$/, "");
}
