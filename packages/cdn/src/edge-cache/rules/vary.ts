/** The request's part of what selects a response: looks a field up by its name in lower case. */
export type FieldReader = (name: string) => string | undefined;

/**
 * Reads a Vary field.
 *
 * @returns the names, in lower case and order; "*" where no other request ever matches
 */
export function readVary(value: string | undefined): readonly string[] | "*" {
  if (value === undefined) return [];
  const names = value
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.includes("*") ? "*" : [...new Set(names)].sort();
}

/** What a request says in the fields that a response varies by, as one text. */
export function selectionOf(names: readonly string[], read: FieldReader): string {
  let selection = "";
  for (const name of names) selection += `${normalised(name, read(name))}\n`;
  return selection;
}

/** What means the same reads the same: spaces, and where order and case mean nothing, those. */
function normalised(name: string, value: string | undefined): string {
  if (value === undefined) return "-";
  const isPreference = name === "accept-encoding" || name === "accept-language";
  if (!isPreference)
    return `=${value.replace(/\s*,\s*|\s+/g, (gap) => (gap.includes(",") ? "," : " ")).trim()}`;
  let known = preferences.get(value);
  if (known === undefined) {
    // Browsers say the same few over and over; whoever says others does not fill the memory.
    if (preferences.size >= maxPreferences) preferences.clear();
    known = `=${value.toLowerCase().replaceAll(/\s/g, "").split(",").filter(Boolean).sort().join(",")}`;
    preferences.set(value, known);
  }
  return known;
}

const preferences = new Map<string, string>();
const maxPreferences = 500;
