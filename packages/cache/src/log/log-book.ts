import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { MAX_PATTERNS } from "./knowledge.ts";
import type { LogRecord, LogSnapshot } from "./records.ts";
import type { AppendReply, AppendRequest, BeatRequest } from "./transport.ts";

/**
 * The log itself, in the memory of one process: what the Lua scripts are to Redis, this is to the
 * processes of one machine. Every method is one step that nothing comes between.
 */
export class LogBook {
  readonly #epoch = randomUUID();
  readonly #clock: Clock;
  readonly #bornAt: number;
  readonly #aliveForMs: number;
  readonly #onRecord: (epoch: string, record: LogRecord) => void;
  readonly #pending = new Map<string, { guards: readonly string[]; until: number }>();
  readonly #patterns = new Map<string, number>();
  readonly #nodes = new Map<string, number>();
  #seq = 0;

  constructor(options: {
    clock: Clock;
    /** How long after its last word a process is waited for. At least two leases. */
    aliveForMs: number;
    onRecord: (epoch: string, record: LogRecord) => void;
  }) {
    this.#clock = options.clock;
    this.#bornAt = options.clock.now();
    this.#aliveForMs = options.aliveForMs;
    this.#onRecord = options.onRecord;
  }

  join(node: string): LogSnapshot {
    this.#endTheDead();
    this.#nodes.set(node, this.#clock.now());
    return {
      epoch: this.#epoch,
      seq: this.#seq,
      pending: [...this.#pending].map(([id, { guards }]) => ({ id, guards })),
      patterns: [...this.#patterns].map(([glob, seq]) => ({ glob, seq })),
    };
  }

  beat({ node, renew, pendingLeaseMs }: BeatRequest): { epoch: string; seq: number } {
    const now = this.#clock.now();
    this.#nodes.set(node, now);
    for (const id of renew) {
      const marker = this.#pending.get(id);
      if (marker !== undefined) marker.until = now + pendingLeaseMs;
    }
    this.#endTheDead();
    return { epoch: this.#epoch, seq: this.#seq };
  }

  append(request: AppendRequest): AppendReply {
    const { kind, id, node, guards, wantsAck, pendingLeaseMs } = request;
    const now = this.#clock.now();
    const held = kind === "bump" && this.#pending.delete(id);
    if (kind === "pending") this.#pending.set(id, { guards, until: now + pendingLeaseMs });
    const seq = this.#write({ kind, id, node, guards, wantsAck });
    if (kind === "pattern") this.#patterns.set(guards[0] ?? "", seq);
    if (this.#patterns.size > MAX_PATTERNS) {
      for (const oldest of this.#patterns.keys()) {
        this.#patterns.delete(oldest);
        break;
      }
    }
    const nodes: string[] = [];
    for (const [name, seenAt] of this.#nodes) {
      if (now - seenAt > this.#aliveForMs) this.#nodes.delete(name);
      else nodes.push(name);
    }
    return { epoch: this.#epoch, seq, held, ageMs: now - this.#bornAt, nodes };
  }

  leave(node: string): void {
    this.#nodes.delete(node);
  }

  #endTheDead(): void {
    const now = this.#clock.now();
    for (const [id, { guards, until }] of this.#pending) {
      if (until >= now) continue;
      this.#pending.delete(id);
      this.#write({ kind: "bump", id, node: "", guards, wantsAck: false });
    }
  }

  #write(record: Omit<LogRecord, "seq">): number {
    const seq = ++this.#seq;
    this.#onRecord(this.#epoch, { seq, ...record });
    return seq;
  }
}
