import { CacheError, shown } from "./errors.ts";

/** What is declared once for each type of value that the cache holds. */
export interface TypeDefinition {
  /** How long a value is fresh, before jitter. */
  lifetimeMs: number;
  /** `redis`: memory in front of Redis. `memory`: this process alone. */
  layer: "memory" | "redis";
  /** Names of the parts of the key that follow its owner, in order. At least one. */
  key: readonly string[];
  /** Carries the type of the value; made by `typed<V>()`. */
  value: ValueMarker<unknown>;
  /** By how much lifetimes are spread, 0 to 1: 0.1 is up to 10 % shorter. Default 0.1. */
  jitter?: number;
  /** How long after its lifetime a value may still be served while, or because, loading. Default 0. */
  graceMs?: number;
  /** How long a stale value may be held back while a load goes on. Default 0: served at once. */
  staleAfterMs?: number;
  /** How long `undefined` ("not there") is kept. Default 0: not at all. */
  negativeLifetimeMs?: number;
  /** What a load costs, as a factor of an ordinary one (a query). Default 1. */
  cost?: number;
  /** A load that takes longer fails with LOAD_TIMED_OUT. Default 30,000. */
  loadTimeoutMs?: number;
}

declare const valueType: unique symbol;
export interface ValueMarker<V> {
  readonly [valueType]?: V;
}

/** Names the type of a cached value in a type table. `undefined` in it stands for "not there". */
export function typed<V>(): ValueMarker<V> {
  return {};
}

export type TypeTable = Readonly<Record<string, TypeDefinition>>;

/** The value of a type. */
export type ValueOf<D> = D extends { value: ValueMarker<infer V> } ? V : never;

/** The parts of a key: always an owner, then what the type declares. */
export type KeyOf<D> = D extends { key: readonly (infer P)[] }
  ? { readonly owner: KeyPart } & { readonly [K in P & string]: KeyPart }
  : never;

export type KeyPart = string | number;

/** A definition with every default in place, and the type's own figures and names. */
export interface ResolvedType {
  readonly name: string;
  readonly parts: readonly string[];
  readonly shared: boolean;
  readonly lifetimeMs: number;
  readonly jitter: number;
  readonly graceMs: number;
  readonly staleAfterMs: number;
  readonly negativeLifetimeMs: number;
  readonly cost: number;
  readonly loadTimeoutMs: number;
}

export function resolveType(name: string, definition: TypeDefinition): ResolvedType {
  if (!TYPE_NAME.test(name)) {
    throw new CacheError(
      "BAD_TYPE",
      `type name ${shown(name)} has to be lower-case letters, digits and _, beginning with a letter`,
    );
  }
  if (definition.layer !== "memory" && definition.layer !== "redis") {
    throw new CacheError(
      "BAD_TYPE",
      `layer of ${name} is ${shown(definition.layer)}; it has to be "memory" or "redis"`,
    );
  }
  const duration = (field: string, value: number, least: number): number =>
    checkNumber(`${field} of ${name}`, value, least, MAX_DURATION_MS);
  if (definition.key.length === 0 || definition.key.includes("owner")) {
    throw new CacheError(
      "BAD_TYPE",
      `key of ${name} has to name at least one part, and not the owner, who is always there`,
    );
  }
  return {
    name,
    parts: definition.key,
    shared: definition.layer === "redis",
    lifetimeMs: duration("lifetimeMs", definition.lifetimeMs, 1),
    jitter: checkNumber(`jitter of ${name}`, definition.jitter ?? 0.1, 0, 0.9),
    graceMs: duration("graceMs", definition.graceMs ?? 0, 0),
    staleAfterMs: duration("staleAfterMs", definition.staleAfterMs ?? 0, 0),
    negativeLifetimeMs: duration("negativeLifetimeMs", definition.negativeLifetimeMs ?? 0, 0),
    cost: checkNumber(`cost of ${name}`, definition.cost ?? 1, 0.001, 1e6),
    loadTimeoutMs: duration("loadTimeoutMs", definition.loadTimeoutMs ?? 30_000, 1),
  };
}

/** Refuses NaN, infinities, and what is out of bounds, saying all three. */
export function checkNumber(what: string, value: number, least: number, most: number): number {
  if (typeof value !== "number" || !(value >= least && value <= most)) {
    throw new CacheError(
      "BAD_OPTION",
      `${what} is ${shown(value)}; it has to be a number from ${least} to ${most}`,
    );
  }
  return value;
}

const TYPE_NAME = /^[a-z][a-z0-9_]{0,63}$/;
/** 30 days: longer than that is a database. */
const MAX_DURATION_MS = 30 * 24 * 3_600_000;
