import { randomUUID } from "node:crypto";
import type { RedisTarget } from "@peregrine/cache/redis";
import type { Log } from "@peregrine/process";
import type { FrameClock } from "../../frame-clock.ts";
import type { Place, Relay } from "../relay.ts";
import type { SharedStream } from "../shared-stream.ts";
import { AnswerStore, inboxKey, leaseMs } from "./answer-store.ts";
import { FollowedAnswer } from "./followed-answer.ts";
import { LedAnswer } from "./led-answer.ts";
import { isRefusal, RedisConnection, RedisSilent } from "./redis-connection.ts";
import { type StreamEntry, StreamReader } from "./stream-reader.ts";

/** Four signs of life in a lease: three may be lost. */
const lookEveryMs = leaseMs / 4;
/** Nobody asks a Redis again for so long that let somebody wait in vain. */
const pauseMs = 1000;

type Options = { target: RedisTarget; clock: FrameClock; log: Log };

/**
 * Carries answers between servers through Redis, with two connections: one for commands and one
 * that blocks, reading whatever this server follows. What is held there is said at `AnswerStore`.
 *
 * Where Redis is away or refuses, this server is on its own at once; where it says nothing, after a
 * quarter of a second, and then at once for a while. Nobody fails for it.
 */
export class RedisRelay implements Relay {
  readonly #log: Log;
  readonly #clock: FrameClock;
  readonly #commands: RedisConnection;
  readonly #store: AnswerStore;
  readonly #reader: StreamReader;
  readonly #leads = new Map<string, LedAnswer>();
  readonly #follows = new Set<FollowedAnswer>();
  readonly #timer: ReturnType<typeof setInterval>;
  #isDown = false;
  #isClosed = false;
  #pausedUntilMs = 0;

  constructor({ target, clock, log }: Options) {
    const member = randomUUID();
    const lost = (error: unknown) => this.#lost(error);
    this.#log = log;
    this.#clock = clock;
    this.#commands = new RedisConnection(target, lost);
    this.#store = new AnswerStore(this.#commands, member);
    this.#reader = new StreamReader(new RedisConnection(target, lost));
    this.#reader.follow(inboxKey(member), (entries) => this.#readInbox(entries));
    this.#timer = setInterval(() => this.#lookAtAll(), lookEveryMs);
  }

  async enter(key: string, stream: SharedStream, cancel: () => void): Promise<Place | undefined> {
    if (this.#isClosed || performance.now() < this.#pausedUntilMs) return undefined;
    try {
      const { token, leads } = await this.#store.enter(key);
      this.#succeeded();
      const name = { key, token };
      // A lead of ours that we know nothing of was given to us after we had stopped waiting for it.
      if (!leads && this.#store.isOwn(token)) return undefined;
      return leads ? this.#lead(name, stream, cancel) : this.#follow(name, stream);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await Promise.allSettled([...this.#leads.values()].map((lead) => lead.handOver()));
    this.#reader.close();
    this.#commands.close();
  }

  #lead(name: LedAnswer["name"], stream: SharedStream, cancel: () => void): LedAnswer {
    const { key } = name;
    const lead: LedAnswer = new LedAnswer({
      name,
      stream,
      cancel,
      store: this.#store,
      clock: this.#clock,
      onOver: () => {
        if (this.#leads.get(key) === lead) this.#leads.delete(key);
      },
    });
    this.#leads.set(key, lead);
    return lead;
  }

  #follow(name: LedAnswer["name"], stream: SharedStream): FollowedAnswer {
    const follow: FollowedAnswer = new FollowedAnswer({
      name,
      stream,
      store: this.#store,
      reader: this.#reader,
      onOver: () => this.#follows.delete(follow),
    });
    this.#follows.add(follow);
    return follow;
  }

  #readInbox(entries: StreamEntry[]): void {
    for (const { fields } of entries) this.#look(this.#leads.get(fields.key ?? ""));
  }

  #lookAtAll(): void {
    for (const lead of this.#leads.values()) this.#look(lead);
    for (const follow of this.#follows) this.#look(follow);
  }

  #look(answer: LedAnswer | FollowedAnswer | undefined): void {
    answer?.look().then(
      () => this.#succeeded(),
      (error) => this.#failed(error),
    );
  }

  #succeeded(): void {
    this.#pausedUntilMs = 0;
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#log.info({}, "answers are shared between servers again");
  }

  #failed(err: unknown): void {
    if (isRefusal(err)) this.#log.warn({ err }, "Redis refused what sharing an answer needs");
    if (!(err instanceof RedisSilent)) return; // where there is no connection, it says so itself
    this.#pausedUntilMs = performance.now() + pauseMs;
    this.#lost(err);
  }

  #lost(err: unknown): void {
    if (this.#isDown || this.#isClosed) return;
    this.#isDown = true;
    this.#log.warn({ err }, "Redis cannot be reached: each server asks for its own answers");
  }
}
