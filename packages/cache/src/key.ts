import { CacheError, shown } from "./errors.ts";
import type { KeyPart, ResolvedType } from "./type-table.ts";

/** Where an entry is found: by its whole key, `type:owner:part…`, and by the two texts in it. */
export interface Address {
  readonly key: string;
  readonly owner: string;
  /** What follows the owner in the key. */
  readonly rest: string;
}

/**
 * The address of an entry. The owner is the first part always, so that a key without one cannot be
 * made. Bad parts are refused here and nowhere else, and need not be on the way to a hit: what is
 * stored passed here, so has exactly the colons of its type and no empty part, and bad parts equal
 * none of it.
 */
export function addressOf(type: ResolvedType, parts: KeyParts): Address {
  checkKey(type, parts);
  const owner = textOf(parts.owner);
  const rest = restOfKey(type, parts);
  return { key: `${type.name}:${owner}:${rest}`, owner, rest };
}

/** What follows the owner in a key. For a type with one part it is that part, and costs nothing. */
export function restOfKey(type: ResolvedType, parts: KeyParts): string {
  const names = type.parts;
  let rest = textOf(parts[names[0] as string]);
  for (let i = 1; i < names.length; i++) rest += `:${textOf(parts[names[i] as string])}`;
  return rest;
}

export function textOf(part: KeyPart | undefined): string {
  return typeof part === "string" ? part : String(part);
}

export type KeyParts = Readonly<Record<string, KeyPart>>;

/** Refuses parts that could make two keys equal, or a key that no store should be given. */
function checkKey(type: ResolvedType, parts: Readonly<Record<string, unknown>>): void {
  checkPart(type, "owner", parts.owner);
  for (const name of type.parts) checkPart(type, name, parts[name]);
}

function checkPart(type: ResolvedType, name: string, value: unknown): void {
  const what = `${name} of a ${type.name} key`;
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return;
    throw new CacheError("BAD_KEY", `${what} is ${value}; a number has to be a safe integer`);
  }
  if (typeof value !== "string") {
    throw new CacheError(
      "BAD_KEY",
      `${what} is ${shown(value)}; it has to be a text or an integer`,
    );
  }
  if (value.length === 0 || value.length > MAX_PART) {
    throw new CacheError(
      "BAD_KEY",
      `${what} has ${value.length} characters; it has to have 1 to ${MAX_PART}`,
    );
  }
  const bad = FORBIDDEN.exec(value);
  if (bad !== null) {
    throw new CacheError(
      "BAD_KEY",
      `${what} is ${shown(value)}; a colon, white space, a control character or half a surrogate pair cannot be part of a key`,
    );
  }
  if (LOOKS_LIKE_A_MISTAKE.has(value)) {
    throw new CacheError(
      "BAD_KEY",
      `${what} is ${shown(value)}, which is no value but a missing one`,
    );
  }
}

const MAX_PART = 512;
const FORBIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0020\u007f:\s]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const LOOKS_LIKE_A_MISTAKE = new Set(["undefined", "null", "NaN", "[object Object]"]);
