import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { type Envelope, packEnvelope, unpackEnvelope } from "../envelope.ts";
import { guardsOf } from "../guards.ts";
import type { Knowledge } from "../log/knowledge.ts";
import { compileGlob, escapeGlob } from "../pattern.ts";
import { withTimeLimit } from "../time-limit.ts";
import { Breaker, type BreakerState } from "./breaker.ts";
import { RENEW_LOCK, UNLOCK, VERIFY } from "./log-scripts.ts";
import { ReadBatch } from "./read-batch.ts";
import type { RedisArgument, RedisLink } from "./redis-link.ts";
import { logKeys } from "./redis-transport.ts";

export interface RedisLayerOptions {
  link: RedisLink;
  namespace: string;
  knowledge: Knowledge;
  clock: Clock;
  callTimeoutMs: number;
  compressAboveBytes: number;
  onBreaker: (state: BreakerState) => void;
  onUnreadable: (key: string, reason: "foreign" | "future" | "damaged") => void;
}

/** A value found in Redis that is not older than the last commit. */
export interface RedisHit {
  readonly envelope: Envelope;
  /** Number of this process's log up to which it is known to be current; undefined: not to be kept. */
  readonly seq: number | undefined;
}

/**
 * The Redis layer: envelopes under `namespace:v:key`, and the short locks of loads.
 *
 * Every call has a time limit and goes through the breaker; a failure is the caller's to treat as a
 * miss. What is read is checked against the invalidations: by what this process knows while that is
 * current, else by asking Redis for the numbers of its guards.
 */
export class RedisLayer {
  readonly #options: RedisLayerOptions;
  readonly #breaker: Breaker;
  readonly #logKeys: string[];
  readonly #reads: ReadBatch;

  constructor(options: RedisLayerOptions) {
    this.#options = options;
    this.#logKeys = logKeys(options.namespace);
    this.#reads = new ReadBatch((names) =>
      this.#call((link) => link.read(names), "reading from Redis"),
    );
    this.#breaker = new Breaker({
      probe: () =>
        withTimeLimit(
          options.link.send(this.#lockKey("probe"), ["GET", this.#lockKey("probe")]),
          PROBE_TIMEOUT_MS,
          "trying Redis",
        ),
      onChange: options.onBreaker,
    });
  }

  get breakerState(): BreakerState {
    return this.#breaker.state;
  }

  /** Whether there is a point in asking: Redis answers, and somebody watches for invalidations. */
  get isUsable(): boolean {
    return (
      this.#breaker.state === "closed" &&
      this.#options.clock.now() < this.#options.knowledge.verifyUntil
    );
  }

  /** What is asked for in the same turn of the event loop travels in one command. */
  async get(key: string): Promise<RedisHit | undefined> {
    return this.#judge(key, await this.#reads.get(this.#valueKey(key)));
  }

  getMany(keys: readonly string[]): Promise<(RedisHit | undefined)[]> {
    return Promise.all(keys.map((key) => this.get(key)));
  }

  async setMany(envelopes: readonly Envelope[]): Promise<void> {
    const wall = this.#options.clock.wall();
    await this.#call(
      (link) =>
        Promise.all(
          envelopes.map((envelope) => {
            const name = this.#valueKey(envelope.key);
            const packed = packEnvelope(envelope, this.#options.compressAboveBytes);
            const ttl = Math.max(1, Math.ceil(envelope.expiresAt - wall));
            return link.send(name, ["SET", name, packed, "PX", String(ttl)]);
          }),
        ),
      "writing to Redis",
    );
  }

  async delete(key: string): Promise<void> {
    const name = this.#valueKey(key);
    await this.#call((link) => link.send(name, ["UNLINK", name]), "deleting from Redis");
  }

  /** Takes the lock of a load unless somebody has it. */
  async lock(key: string, token: string, leaseMs: number): Promise<boolean> {
    const name = this.#lockKey(key);
    const args: RedisArgument[] = ["SET", name, token, "NX", "PX", String(leaseMs)];
    const reply = await this.#call((link) => link.send(name, args), "taking a lock");
    return reply !== null;
  }

  async renewLock(key: string, token: string, leaseMs: number): Promise<void> {
    const name = this.#lockKey(key);
    await this.#call(
      (link) => RENEW_LOCK.run(link, [name], [token, String(leaseMs)]),
      "keeping a lock",
    );
  }

  async unlock(key: string, token: string): Promise<void> {
    await this.#call((link) => UNLOCK.run(link, [this.#lockKey(key)], [token]), "giving up a lock");
  }

  /**
   * Deletes the keys that match the glob and `isWanted`, a page of SCAN after the other. It only frees memory: that they are
   * not served was settled by the log before.
   */
  async sweep(
    glob: string,
    isWanted: (key: string) => boolean,
    options: { signal: AbortSignal; onPage: (scanned: number, removed: number) => void },
  ): Promise<void> {
    const prefix = this.#valueKey("");
    const match = `${escapeGlob(prefix)}${glob}`;
    await this.#options.link.sendToMasters(async (send) => {
      let cursor = "0";
      do {
        options.signal.throwIfAborted();
        const page = await withTimeLimit(
          send(["SCAN", cursor, "MATCH", match, "COUNT", SCAN_PAGE]),
          SCAN_TIMEOUT_MS,
          "a page of SCAN",
        );
        const [next, keys] = page as [Buffer, Buffer[]];
        cursor = String(next);
        const wanted = keys.map(String).filter((name) => isWanted(name.slice(prefix.length)));
        // One by one, since the keys of a cluster node need not share a slot.
        const gone = await withTimeLimit(
          Promise.all(wanted.map((name) => send(["UNLINK", name]))),
          SCAN_TIMEOUT_MS,
          "deleting a page of keys",
        );
        options.onPage(Number(SCAN_PAGE), gone.filter((count) => count === 1).length);
      } while (cursor !== "0");
    });
  }

  close(): void {
    this.#breaker.close();
  }

  #judge(key: string, reply: unknown): RedisHit | undefined | Promise<RedisHit | undefined> {
    if (!Buffer.isBuffer(reply)) return undefined;
    const { clock, knowledge, onUnreadable } = this.#options;
    const envelope = unpackEnvelope(reply, key);
    if (typeof envelope === "string") {
      onUnreadable(key, envelope);
      return undefined;
    }
    if (envelope.expiresAt <= clock.wall()) return undefined;
    const { epoch, seq, tags } = envelope;
    const known = epoch === knowledge.epoch && seq >= knowledge.floor;
    if (known && clock.now() < knowledge.leaseUntil) {
      if (!knowledge.isCurrent(key, tags, seq)) return undefined;
      return { envelope, seq: Math.max(seq, knowledge.position) };
    }
    if (epoch === knowledge.epoch && knowledge.isPending(key, tags)) return undefined;
    return this.#verify(envelope);
  }

  /** Asks Redis itself whether anything that guards the value has changed since it was loaded. */
  async #verify(envelope: Envelope): Promise<RedisHit | undefined> {
    const { knowledge } = this.#options;
    const { generation, position } = knowledge;
    const reply = await this.#call(
      (link) =>
        VERIFY.run(link, this.#logKeys, [randomUUID(), ...guardsOf(envelope.key, envelope.tags)]),
      "asking for the numbers of guards",
    );
    const [epoch, floor, versions, patterns] = reply as [Buffer, Buffer, Buffer[], Buffer[]];
    if (String(epoch) !== envelope.epoch || envelope.seq < Number(floor)) return undefined;
    if (versions.some((version) => Number(version) > envelope.seq)) return undefined;
    for (let i = 0; i + 1 < patterns.length; i += 2) {
      const newer = Number(patterns[i + 1]) > envelope.seq;
      if (newer && compileGlob(String(patterns[i])).test(envelope.key)) return undefined;
    }
    const keepable = knowledge.generation === generation && knowledge.epoch === envelope.epoch;
    return { envelope, seq: keepable ? Math.max(position, envelope.seq) : undefined };
  }

  #call<T>(call: (link: RedisLink) => Promise<T>, what: string): Promise<T> {
    const { link, callTimeoutMs } = this.#options;
    return this.#breaker.run(() => withTimeLimit(call(link), callTimeoutMs, what));
  }

  #valueKey(key: string): string {
    return `${this.#options.namespace}:v:${key}`;
  }

  #lockKey(key: string): string {
    return `${this.#options.namespace}:l:${key}`;
  }
}

const PROBE_TIMEOUT_MS = 250;
const SCAN_PAGE = "500";
const SCAN_TIMEOUT_MS = 5000;
