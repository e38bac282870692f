import { createHash } from "node:crypto";
import { createClient, ErrorReply } from "redis";

const connectTimeoutMs = 1000;
const maxReconnectMs = 500;
/** A connection that owes an answer for so long is replaced: the other end may have gone silently. */
const deadAfterMs = 3000;

/**
 * One connection to Redis, on which nothing waits for long: a command fails at once while the
 * connection is down, and after its time limit while Redis says nothing. It connects again by
 * itself. Commands of one tick travel together; all run in the order they were given.
 */
export class RedisConnection {
  readonly #open: () => Client;
  #client: Client;
  #owesSinceMs: number | undefined;
  #isClosed = false;

  /** @param onError told each failed attempt to connect */
  constructor(url: string, onError: (error: unknown) => void) {
    this.#open = () => openClient(url, onError);
    this.#client = this.#open();
  }

  /** @throws Error when Redis cannot be reached, says nothing within `limitMs`, or refuses */
  async send(args: readonly string[], limitMs: number): Promise<unknown> {
    this.#owesSinceMs ??= performance.now();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`Redis said nothing to ${args[0]} within ${limitMs} ms`));
      this.#replaceIfDead();
    }, limitMs);
    const reply = this.#client.sendCommand(args);
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
    this.#client.destroy();
  }

  #replaceIfDead(): void {
    if (this.#isClosed || this.#owesSinceMs === undefined) return;
    if (performance.now() - this.#owesSinceMs < deadAfterMs) return;
    this.#owesSinceMs = undefined;
    this.#client.destroy();
    this.#client = this.#open();
  }
}

export type RedisScript = { source: string; digest: string };

export function redisScript(source: string): RedisScript {
  return { source, digest: createHash("sha1").update(source).digest("hex") };
}

/** Whether Redis is there and said no, as it does to a key that holds something else. */
export function isRefusal(error: unknown): error is ErrorReply {
  return error instanceof ErrorReply;
}

type Client = { sendCommand(args: readonly string[]): Promise<unknown>; destroy(): void };

function openClient(url: string, onError: (error: unknown) => void): Client {
  const client = createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (retries) => Math.min(25 * 2 ** retries, maxReconnectMs),
    },
  });
  client.on("error", onError);
  client.connect().catch(onError);
  return client;
}
