import { createHash } from "node:crypto";
import { openRedisLink, type RedisLink, type RedisTarget } from "@peregrine/cache/redis";
import { ErrorReply } from "redis";

/**
 * Begins the name of every key. The number is the version of what is written: servers of another one
 * share among themselves. In a cluster all keys live on one node, or no read could follow many.
 */
export const keyPrefix = "peregrine:{answers}:1";
/** A connection that owes an answer for so long is replaced: the other end may have gone silently. */
const deadAfterMs = 3000;

/**
 * One connection to Redis, on which nothing waits for long: a command fails at once while the
 * connection is down, and after its time limit while Redis says nothing. It connects again by
 * itself. Commands of one tick travel together; all run in the order they were given.
 */
export class RedisConnection {
  readonly #open: () => RedisLink;
  #link: RedisLink;
  #owesSinceMs: number | undefined;
  #isClosed = false;

  /** @param onError told each failed attempt to connect */
  constructor(target: RedisTarget, onError: (error: unknown) => void) {
    this.#open = () => openRedisLink(target, onError);
    this.#link = this.#open();
  }

  /** Texts in the reply are Buffers. @throws Error when Redis cannot be reached, says nothing within `limitMs`, or refuses */
  async send(args: readonly string[], limitMs: number): Promise<unknown> {
    this.#owesSinceMs ??= performance.now();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new RedisSilent(`Redis said nothing to ${args[0]} within ${limitMs} ms`));
      this.#replaceIfDead();
    }, limitMs);
    const reply = this.#link.send(keyPrefix, args);
    reply.catch(() => {}); // one that fails after its time limit has no one to tell
    try {
      const value = await Promise.race([reply, late.promise]);
      this.#owesSinceMs = undefined;
      return value;
    } catch (error) {
      if (isRefusal(error)) this.#owesSinceMs = undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs a Lua script: by its digest, and in full where this Redis has not seen it. */
  async run(
    script: RedisScript,
    keys: string[],
    args: readonly (string | number)[],
    limitMs: number,
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    try {
      return await this.send(["EVALSHA", script.digest, ...rest], limitMs);
    } catch (error) {
      if (!isRefusal(error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return this.send(["EVAL", script.source, ...rest], limitMs);
    }
  }

  /** Closes at once; what was asked and not answered fails. */
  close(): void {
    this.#isClosed = true;
    this.#link.close();
  }

  #replaceIfDead(): void {
    if (this.#isClosed || this.#owesSinceMs === undefined) return;
    if (performance.now() - this.#owesSinceMs < deadAfterMs) return;
    this.#owesSinceMs = undefined;
    this.#link.close();
    this.#link = this.#open();
  }
}

/** Redis did not answer within a command's time limit; it may do so later. */
export class RedisSilent extends Error {
  override readonly name = "RedisSilent";
}

export type RedisScript = { source: string; digest: string };

export function redisScript(source: string): RedisScript {
  return { source, digest: createHash("sha1").update(source).digest("hex") };
}

/** Whether Redis is there and said no, as it does to a key that holds something else. */
export function isRefusal(error: unknown): error is ErrorReply {
  return error instanceof ErrorReply;
}
