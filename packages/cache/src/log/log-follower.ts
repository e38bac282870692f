import type { Clock } from "../clock.ts";
import { CacheError } from "../errors.ts";
import { EVERYTHING } from "../guards.ts";
import { withTimeLimit } from "../time-limit.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { DetachedPeers } from "./detached-peers.ts";
import { Detachment } from "./detachment.ts";
import type { InvalidationLog, LogFigures } from "./invalidation-log.ts";
import type { Knowledge } from "./knowledge.ts";
import { Lease } from "./lease.ts";
import { OwnWrites } from "./own-writes.ts";
import type { LogRecord } from "./records.ts";
import type { AppendReply, Transport } from "./transport.ts";
import type { Witness } from "./witness.ts";

export interface FollowerOptions {
  node: string;
  transport: Transport;
  witness: Witness | undefined;
  knowledge: Knowledge;
  clock: Clock;
  /** How long after a beat memory may be served by what was known then. */
  leaseMs: number;
  /** How long the marker of a pending write, or a name at the witness, outlives its writer. */
  pendingLeaseMs: number;
  /** Limit of one call of the transport. */
  callTimeoutMs: number;
  /** The log was lost, or no longer reaches back: memory has to be emptied. */
  onReset: (reason: string) => void;
  onError: (error: unknown, during: string) => void;
}

/**
 * One process of several that share a log of invalidations. docs/cache.md has the protocol and why
 * it holds; in short:
 *
 * **Reading.** A beat, four times a lease, asks where the log stands. Once everything up to there
 * has been read, memory may be served until a lease after the moment the beat was sent. A process
 * that is stalled, cut off or behind therefore stops by itself.
 *
 * **Writing.** The marker `pending` is in the log before work begins. The write is acknowledged when
 * everybody alive has read the marker, or a lease has passed since, while work runs. After it
 * the bump ends the marker. If the marker was not in force all the time (the log lost its data), the
 * bump itself is waited for. A writer that dies leaves its marker; when it runs out, the log bumps.
 *
 * **Cut off.** A write that cannot reach the log goes on through `Detachment`.
 */
export class LogFollower implements InvalidationLog {
  readonly #options: FollowerOptions;
  readonly #knowledge: Knowledge;
  readonly #acks = new Acknowledgements();
  readonly #detachment: Detachment;
  readonly #lease: Lease;
  readonly #ownWrites: OwnWrites;
  readonly #detachedPeers: DetachedPeers;
  readonly #running = new Set<string>();
  #mutations = 0;
  /** Whether the last call got an answer. If not, writes do not wait for one. */
  #reachable = false;
  #joined = false;
  #suspended = false;
  #knownHead = 0;
  #lastContact = Number.NEGATIVE_INFINITY;
  #recordsRead = 0;
  #resyncs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #beating: Promise<void> | undefined;
  #closed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#knowledge = options.knowledge;
    this.#lease = new Lease({ knowledge: options.knowledge, leaseMs: options.leaseMs });
    this.#ownWrites = new OwnWrites(options.knowledge);
    this.#detachedPeers = new DetachedPeers({
      node: options.node,
      witness: options.witness,
      silentAfterMs: options.pendingLeaseMs,
      callTimeoutMs: options.callTimeoutMs,
      bumpEverything: () => this.#deliver([EVERYTHING]),
      onError: options.onError,
    });
    this.#detachment = new Detachment({
      node: options.node,
      witness: options.witness,
      clock: options.clock,
      leaseMs: options.leaseMs,
      silentAfterMs: options.pendingLeaseMs,
      hold: (guards) => this.#knowledge.hold(guards),
      release: (guards) => this.#knowledge.release(guards),
      deliver: (guards) => this.#deliver(guards),
      lastContact: () => this.#lastContact,
      onError: options.onError,
    });
  }

  async start(): Promise<void> {
    await this.#beatOnce();
    this.#schedule();
  }

  async mutate<T>(guards: readonly string[], work: () => Promise<T>): Promise<T> {
    const { node, clock } = this.#options;
    const id = `${node}.${++this.#mutations}`;
    this.#ownWrites.begin(guards);
    try {
      const began = clock.now();
      const marker = await this.#append("pending", id, guards).catch(() => undefined);
      if (marker === undefined) return await this.#detachment.run(guards, work);
      const told = this.#told(marker);
      this.#running.add(id);
      let result: T;
      try {
        result = await work();
      } catch (error) {
        // Whether it has committed cannot be known: what it touched counts as changed.
        await this.#endMutation(id, guards, began, told);
        throw error;
      }
      await this.#endMutation(id, guards, began, told);
      return result;
    } finally {
      this.#ownWrites.end(guards, this.#knownHead);
    }
  }

  async invalidate(guards: readonly string[]): Promise<void> {
    this.#ownWrites.begin(guards);
    try {
      const reply = await this.#append("bump", "", guards).catch(() => undefined);
      if (reply === undefined) await this.#detachment.run(guards, async () => undefined);
      else await this.#told(reply);
    } finally {
      this.#ownWrites.end(guards, this.#knownHead);
    }
  }

  async invalidatePattern(glob: string): Promise<void> {
    await this.#told(await this.#append("pattern", "", [glob]));
  }

  figures(): LogFigures {
    const now = this.#options.clock.now();
    const { pending, guards } = this.#knowledge.figures();
    return {
      node: this.#options.node,
      state: this.#state(now),
      position: this.#knowledge.position,
      lagRecords: Math.max(0, this.#knownHead - this.#knowledge.position),
      lagMs: now - this.#lease.since,
      recordsRead: this.#recordsRead,
      resyncs: this.#resyncs,
      pending,
      guards,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#lease.stop();
    await this.#beating;
    const { transport, node, callTimeoutMs } = this.#options;
    await withTimeLimit(transport.leave(node), callTimeoutMs, "leaving the log").catch(() => {});
    await this.#detachment.close();
    await transport.close();
  }

  #state(now: number): LogFigures["state"] {
    if (this.#suspended) return "suspended";
    if (now < this.#knowledge.leaseUntil) return "current";
    return now < this.#knowledge.verifyUntil ? "behind" : "cut-off";
  }

  async #endMutation(
    id: string,
    guards: readonly string[],
    began: number,
    told: Promise<void>,
  ): Promise<void> {
    const bump = await this.#append("bump", id, guards).catch(() => undefined);
    this.#running.delete(id);
    if (bump === undefined) await this.#detachment.run(guards, async () => undefined);
    else if (bump.held) await told;
    else {
      this.#options.onError(
        new Error(`the marker of a write was lost after ${this.#options.clock.now() - began} ms`),
        "mutate",
      );
      await this.#told(bump);
    }
  }

  async #append(
    kind: LogRecord["kind"],
    id: string,
    guards: readonly string[],
  ): Promise<AppendReply> {
    const { transport, node, pendingLeaseMs, callTimeoutMs } = this.#options;
    if (!this.#reachable) {
      throw new CacheError("REDIS_UNAVAILABLE", "the log of invalidations cannot be reached");
    }
    const reply = await withTimeLimit(
      transport.append({ kind, id, node, guards, pendingLeaseMs, wantsAck: true }),
      callTimeoutMs,
      "writing to the log of invalidations",
    ).catch((error) => {
      this.#reachable = false;
      throw error;
    });
    this.#knownHead = Math.max(this.#knownHead, reply.seq);
    return reply;
  }

  /** Resolves when nobody serves by what was known before the record. */
  #told(reply: AppendReply): Promise<void> {
    const { node, leaseMs } = this.#options;
    const atMostMs = leaseMs * DRIFT + 1;
    if (reply.epoch !== this.#knowledge.epoch || reply.ageMs < atMostMs) {
      // The list of who is alive is as young as this life of the log: somebody may be missing.
      return this.#acks.wait(Number.POSITIVE_INFINITY, [node], atMostMs);
    }
    this.#acks.retain([...reply.nodes, node]);
    return this.#acks.wait(reply.seq, [...reply.nodes, node], atMostMs);
  }

  /** Tells everybody what was written while this process was cut off. */
  async #deliver(guards: readonly string[]): Promise<void> {
    await this.#told(await this.#append("bump", "", guards));
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#beating = this.#beatOnce().finally(() => this.#schedule());
    }, this.#options.leaseMs / BEATS_PER_LEASE);
    this.#timer.unref?.();
  }

  async #beatOnce(): Promise<void> {
    try {
      await this.#beat();
    } catch (error) {
      this.#reachable = false;
      this.#options.onError(error, "beat");
    }
    this.#detachment.tick();
  }

  async #beat(): Promise<void> {
    const { transport, node, clock, pendingLeaseMs, callTimeoutMs } = this.#options;
    const sentAt = clock.now();
    if (!this.#joined) await this.#join("start");
    const [reply, suspended] = await Promise.all([
      withTimeLimit(
        transport.beat({ node, renew: [...this.#running], pendingLeaseMs }),
        callTimeoutMs,
        "a beat of the log",
      ),
      this.#detachedPeers.ask(),
    ]);
    this.#lastContact = sentAt;
    this.#reachable = true;
    if (this.#closed) return;
    this.#suspended = suspended;
    if (suspended) {
      this.#lease.stop();
      return;
    }
    if (reply.epoch !== this.#knowledge.epoch) {
      await this.#join("the log was lost and began anew");
      return;
    }
    this.#knownHead = Math.max(this.#knownHead, reply.seq);
    this.#lease.answered(reply.seq, sentAt);
    if (this.#lease.isStuck(sentAt)) {
      await this.#join("records that exist did not arrive");
    }
  }

  async #join(reason: string): Promise<void> {
    const { transport, node, callTimeoutMs, onReset } = this.#options;
    this.#lease.stop();
    this.#joined = false;
    const snapshot = await withTimeLimit(transport.join(node), callTimeoutMs, "joining the log");
    if (this.#closed) return;
    if (this.#knowledge.epoch !== "") this.#resyncs++;
    this.#knowledge.reset(snapshot);
    this.#knownHead = snapshot.seq;
    this.#acks.forget();
    this.#ownWrites.releaseAll();
    onReset(reason);
    this.#joined = true;
    transport.follow(
      { node, epoch: snapshot.epoch, seq: snapshot.seq },
      {
        records: (epoch, records) => this.#take(epoch, records),
        acked: (from, epoch, seq) => {
          if (epoch === this.#knowledge.epoch) this.#acks.note(from, seq);
        },
      },
    );
  }

  #take(epoch: string, records: readonly LogRecord[]): void {
    if (this.#closed || !this.#joined) return;
    const { node, transport, onError } = this.#options;
    const writers = new Map<string, number>();
    for (const record of records) {
      if (record.seq <= this.#knowledge.position && epoch === this.#knowledge.epoch) continue;
      if (epoch !== this.#knowledge.epoch || record.seq !== this.#knowledge.position + 1) {
        // Trimmed, or another life of the log: the next beat joins anew.
        this.#lease.stop();
        this.#joined = false;
        return;
      }
      this.#knowledge.apply(record);
      this.#recordsRead++;
      if (record.wantsAck && record.node !== node) writers.set(record.node, record.seq);
    }
    this.#lease.renew();
    this.#ownWrites.releaseRead();
    this.#acks.note(node, this.#knowledge.position);
    for (const [writer, seq] of writers) {
      transport.ack({ node, writer, epoch, seq }).catch((error) => onError(error, "ack"));
    }
  }
}

/** Clocks of two machines may run apart by this much over one lease, far more than they do. */
const DRIFT = 1.1;
const BEATS_PER_LEASE = 4;
