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
  return inspect(value, "value", 0);
}

function inspect(value: unknown, path: string, depth: number): number {
  switch (typeof value) {
    case "string":
      // Engines keep Latin-1 texts at a byte a character; two is the safe side.
      return 24 + value.length * 2;
    case "number":
      if (Number.isFinite(value)) return 8;
      throw refuse(path, String(value), "a finite number");
    case "boolean":
      return 8;
    case "undefined":
      return 8;
    case "object":
      if (value === null) return 8;
      break;
    default:
      throw refuse(path, `a ${typeof value}`, "plain data");
  }
  if (depth > MAX_DEPTH) {
    throw refuse(path, `more than ${MAX_DEPTH} levels deep, or contains itself`, "a finite tree");
  }
  return Array.isArray(value)
    ? inspectArray(value, path, depth)
    : inspectObject(value as Record<string, unknown>, path, depth);
}

function inspectArray(value: readonly unknown[], path: string, depth: number): number {
  let bytes = 32 + value.length * 8;
  for (let i = 0; i < value.length; i++) {
    if (value[i] === undefined) throw refuse(`${path}[${i}]`, "undefined", "null");
    bytes += inspect(value[i], path, depth + 1);
  }
  Object.freeze(value);
  return bytes;
}

function inspectObject(value: Record<string, unknown>, path: string, depth: number): number {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw refuse(path, `a ${prototype?.constructor?.name ?? "strange object"}`, "a plain object");
  }
  if (typeof value.toJSON === "function") throw refuse(path, "an object with toJSON", "plain data");
  let bytes = 48;
  for (const name in value) {
    if (name === "__proto__") throw refuse(path, "an object with __proto__", "plain data");
    bytes += 16 + inspect(value[name], `${path}.${name}`, depth + 1);
  }
  Object.freeze(value);
  return bytes;
}

function refuse(path: string, found: string, wanted: string): CacheError {
  return new CacheError("NOT_ENCODABLE", `${path} is ${found}; a cached value has to be ${wanted}`);
}

const MAX_DEPTH = 200;
