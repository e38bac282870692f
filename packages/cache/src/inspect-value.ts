import { CacheError } from "./errors.ts";

/**
 * Looks a value over before it is kept: refuses what JSON would lose or change, freezes it, and
 * estimates the bytes it takes in memory.
 *
 * A value has to be the same whether it comes from memory or from Redis, so only plain data passes:
 * null, booleans, finite numbers, texts, arrays and plain objects of them; undefined alone ("not
 * there") or as a field. It is frozen because all readers share it: one that changed it would
 * change it for the others.
 */
export function inspectValue(value: unknown): number {
  return inspect(value, { within: undefined, name: "value", depth: 0 });
}

/** Where in the value we are. Spelt out only when something is refused. */
interface Place {
  readonly within: Place | undefined;
  name: string | number;
  readonly depth: number;
}

function inspect(value: unknown, place: Place): number {
  switch (typeof value) {
    case "string":
      // Engines keep Latin-1 texts at a byte a character; two is the safe side.
      return 24 + value.length * 2;
    case "number":
      if (Number.isFinite(value)) return 8;
      throw refuse(place, String(value), "a finite number");
    case "boolean":
    case "undefined":
      return 8;
    case "object":
      if (value === null) return 8;
      if (place.depth > MAX_DEPTH) {
        throw refuse(place, `more than ${MAX_DEPTH} levels deep, or contains itself`, "a tree");
      }
      return Array.isArray(value)
        ? inspectArray(value, place)
        : inspectObject(value as Record<string, unknown>, place);
    default:
      throw refuse(place, `a ${typeof value}`, "plain data");
  }
}

function inspectArray(value: readonly unknown[], within: Place): number {
  const place: Place = { within, name: 0, depth: within.depth + 1 };
  let bytes = 32 + value.length * 8;
  for (let i = 0; i < value.length; i++) {
    place.name = i;
    if (value[i] === undefined) throw refuse(place, "undefined", "null");
    bytes += inspect(value[i], place);
  }
  Object.freeze(value);
  return bytes;
}

function inspectObject(value: Record<string, unknown>, within: Place): number {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw refuse(within, `a ${prototype?.constructor?.name ?? "strange object"}`, "a plain object");
  }
  if (typeof value.toJSON === "function")
    throw refuse(within, "an object with toJSON", "plain data");
  const place: Place = { within, name: "", depth: within.depth + 1 };
  let bytes = 48;
  for (const name in value) {
    if (name === "__proto__") throw refuse(within, "an object with __proto__", "plain data");
    place.name = name;
    bytes += 16 + inspect(value[name], place);
  }
  Object.freeze(value);
  return bytes;
}

function refuse(place: Place, found: string, wanted: string): CacheError {
  let path = "";
  for (let at: Place | undefined = place; at !== undefined; at = at.within) {
    const step = typeof at.name === "number" ? `[${at.name}]` : `.${at.name}`;
    path = (at.within === undefined ? String(at.name) : step) + path;
  }
  const where = path.length <= 200 ? path : `${path.slice(0, 200)}…`;
  return new CacheError(
    "NOT_ENCODABLE",
    `${where} is ${found}; a cached value has to be ${wanted}`,
  );
}

const MAX_DEPTH = 200;
