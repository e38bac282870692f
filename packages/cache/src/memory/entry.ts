import type { Body } from "../body.ts";
import type { Address } from "../key.ts";
import type { TypeState } from "../type-state.ts";
import { FollowedNode } from "./adaptive-policy.ts";

/**
 * One value in memory. Fields come in one order always, so that all entries have one shape and a hit
 * stays on the engine's fast path. Times are of the process's own clock.
 */
export class Entry extends FollowedNode implements Address {
  readonly key: string;
  readonly owner: string;
  readonly rest: string;
  readonly type: TypeState;
  readonly tags: readonly string[];
  /** Decoded and frozen. `undefined`: known not to be there. */
  value: unknown;
  /** The value as bytes, once somebody has asked for them. */
  body: Body | undefined;
  /** `value` as a promise that is kept already, once somebody has asked for it. */
  promise: Promise<unknown> | undefined;
  /** Number of the log up to which nothing that guards the entry has changed. */
  seq: number;
  /** `Knowledge.changes` at which that was last looked at. */
  checkedAt: number;
  freshUntil: number;
  expiresAt: number;
  /** From here on the next hit of a hot entry loads it anew in the background. */
  refreshAt: number;
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
    this.key = fields.at.key;
    this.owner = fields.at.owner;
    this.rest = fields.at.rest;
    this.type = fields.type;
    this.tags = fields.tags;
    this.value = fields.value;
    this.body = fields.body;
    this.promise = undefined;
    this.seq = fields.seq;
    this.checkedAt = fields.checkedAt;
    this.freshUntil = fields.freshUntil;
    this.expiresAt = fields.expiresAt;
    this.refreshAt = fields.refreshAt;
    this.bytes = fields.bytes;
    this.cost = fields.cost;
  }
}
