import type { Body } from "./body.ts";
import type { Clock } from "./clock.ts";
import type { Envelope } from "./envelope.ts";
import { CacheError } from "./errors.ts";
import { inspectValue } from "./inspect-value.ts";
import type { Address } from "./key.ts";
import type { Knowledge } from "./log/knowledge.ts";
import { Entry } from "./memory/entry.ts";
import type { TypeState } from "./type-state.ts";

/** Where the log stood before a value was read from its source. */
export interface Stamp {
  readonly epoch: string;
  readonly seq: number;
  readonly generation: number;
}

/** Makes entries of loaded values and of what Redis held, with their times set. */
export class EntryMaker {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #knowledge: Knowledge;

  constructor(options: { clock: Clock; random: () => number; knowledge: Knowledge }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#knowledge = options.knowledge;
  }

  stamp(): Stamp {
    const { epoch, position, generation } = this.#knowledge;
    return { epoch, seq: position, generation };
  }

  /** Throws NOT_ENCODABLE for a value that cannot be kept. `undefined` is "not there". */
  fromValue(
    type: TypeState,
    at: Address,
    tags: readonly string[],
    value: unknown,
    seq: number,
  ): Entry {
    const bytes = inspectValue(value);
    const now = this.#clock.now();
    const there = value !== undefined;
    const full = there ? type.lifetimeMs : type.negativeLifetimeMs;
    const lifetimeMs = full * (1 - type.jitter * this.#random());
    const freshUntil = now + lifetimeMs;
    return new Entry({
      at,
      type,
      tags,
      value,
      body: undefined,
      seq,
      checkedAt: this.#knowledge.changes,
      freshUntil,
      expiresAt: freshUntil + (there ? type.graceMs : 0),
      refreshAt: this.#refreshAt(freshUntil, lifetimeMs),
      bytes: bytes + at.key.length + ENTRY_OVERHEAD_BYTES,
      cost: type.cost,
    });
  }

  /** `seq`: up to where the envelope is known to be current. */
  fromEnvelope(type: TypeState, at: Address, envelope: Envelope, seq: number): Entry {
    const value = decode(envelope.body);
    const bytes = inspectValue(value);
    const now = this.#clock.now();
    const sinceWall = now - this.#clock.wall();
    const freshUntil = envelope.freshUntil + sinceWall;
    return new Entry({
      at,
      type,
      tags: envelope.tags,
      value,
      body: undefined,
      seq,
      checkedAt: this.#knowledge.changes,
      freshUntil,
      expiresAt: envelope.expiresAt + sinceWall,
      refreshAt: this.#refreshAt(freshUntil, type.lifetimeMs),
      bytes: bytes + at.key.length + ENTRY_OVERHEAD_BYTES,
      cost: type.cost,
    });
  }

  toEnvelope(entry: Entry, stamp: Stamp): Envelope {
    const sinceClock = this.#clock.wall() - this.#clock.now();
    return {
      key: entry.key,
      epoch: stamp.epoch,
      seq: stamp.seq,
      tags: entry.tags,
      freshUntil: entry.freshUntil + sinceClock,
      expiresAt: entry.expiresAt + sinceClock,
      body: entry.value === undefined ? undefined : (entry.body ?? encode(entry.value)).bytes,
    };
  }

  /** Spread over the last tenth of a lifetime, so that processes do not refresh at once. */
  #refreshAt(freshUntil: number, lifetimeMs: number): number {
    return freshUntil - lifetimeMs * EARLY_SHARE * this.#random();
  }
}

/** What an entry and its place in the map and the lists take, beside key and value. */
const ENTRY_OVERHEAD_BYTES = 300;
const EARLY_SHARE = 0.1;

function encode(value: unknown): Pick<Body, "bytes"> {
  return { bytes: new TextEncoder().encode(JSON.stringify(value)) };
}

function decode(body: Uint8Array | undefined): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as unknown;
  } catch (cause) {
    throw new CacheError("NOT_ENCODABLE", "a value in Redis is not JSON", { cause });
  }
}
