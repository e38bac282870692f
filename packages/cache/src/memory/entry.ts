import type { Body } from "../body.ts";
import type { Address } from "../key.ts";
import type { TypeState } from "../type-state.ts";
import { FollowedNode } from "./adaptive-policy.ts";

/**
 * One value in memory. Fields come in one order always, so that all entries have one shape and a hit
 * stays on the engine's fast path. Times are of the process's own clock.
 */
export class Entry extends FollowedNode implements Address {
  readonly owner: string;
  /** Decoded and frozen. `undefined`: known not to be there. */
  value: unknown;
  /** `value` as a promise that is kept already, once somebody has asked for it. */
  promise: Promise<unknown> | undefined;
  freshUntil: number;
  /** From here on the next hit of a hot entry loads it anew in the background. */
  refreshAt: number;
  /** `Knowledge.changes` at which the entry was last found to be current. */
  checkedAt: number;
  /** Number of the log up to which nothing that guards the entry has changed. */
  seq: number;
  /** The value as bytes, once somebody has asked for them. */
  body: Body | undefined;
  readonly key: string;
  readonly rest: string;
  readonly type: TypeState;
  readonly tags: readonly string[];
  expiresAt: number;
  bytes: number;

  constructor(fields: {
    at: Address;
    type: TypeState;
    tags: readonly string[];
    value: unknown;
    body: Body | undefined;
    seq: number;
    checkedAt: number;
    freshUntil: number;
    expiresAt: number;
    refreshAt: number;
    bytes: number;
    cost: number;
  }) {
    super();
    this.owner = fields.at.owner;
    this.value = fields.value;
    this.promise = undefined;
    this.freshUntil = fields.freshUntil;
    this.refreshAt = fields.refreshAt;
    this.checkedAt = fields.checkedAt;
    this.seq = fields.seq;
    this.body = fields.body;
    this.key = fields.at.key;
    this.rest = fields.at.rest;
    this.type = fields.type;
    this.tags = fields.tags;
    this.expiresAt = fields.expiresAt;
    this.bytes = fields.bytes;
    this.cost = fields.cost;
  }
}
