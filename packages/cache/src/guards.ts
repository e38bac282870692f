import { CacheError, shown } from "./errors.ts";

/**
 * Guards: the names under which an entry can be invalidated. An entry is guarded by everything
 * (`*`), by each prefix of its key that ends at a colon (`k:conversation`, `k:conversation:42`,
 * `k:conversation:42:7`) and by its tags (`t:user:42`). Invalidating a prefix or a tag is then one
 * number for one guard, whatever number of entries it holds.
 */
export const EVERYTHING = "*";

export function prefixGuard(prefix: string): string {
  return `k:${prefix}`;
}

export function tagGuard(tag: string): string {
  return `t:${tag}`;
}

/** Calls `visit` with each guard until it returns true; says whether it did. */
export function someGuard(
  key: string,
  tags: readonly string[],
  visit: (guard: string) => boolean,
): boolean {
  if (visit(EVERYTHING)) return true;
  for (let at = key.indexOf(":"); at !== -1; at = key.indexOf(":", at + 1)) {
    if (visit(`k:${key.slice(0, at)}`)) return true;
  }
  if (visit(`k:${key}`)) return true;
  for (const tag of tags) if (visit(`t:${tag}`)) return true;
  return false;
}

export function guardsOf(key: string, tags: readonly string[]): string[] {
  const guards: string[] = [];
  someGuard(key, tags, (guard) => {
    guards.push(guard);
    return false;
  });
  return guards;
}

/** Refuses tags that could not be told apart or stored. */
export function checkTags(tags: readonly string[]): void {
  if (tags.length > MAX_TAGS) {
    throw new CacheError("BAD_TAG", `${tags.length} tags on one entry; at most ${MAX_TAGS}`);
  }
  for (const tag of tags) {
    if (typeof tag !== "string" || tag.length === 0 || tag.length > MAX_TAG_LENGTH) {
      throw new CacheError(
        "BAD_TAG",
        `tag ${shown(tag)} has to be a text of 1 to ${MAX_TAG_LENGTH} characters`,
      );
    }
    if (CONTROL.test(tag)) {
      throw new CacheError("BAD_TAG", `tag ${shown(tag)} contains a control character`);
    }
  }
}

const MAX_TAGS = 64;
const MAX_TAG_LENGTH = 512;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;
