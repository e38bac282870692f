import { createHash } from "node:crypto";
import type { RedisArgument, RedisLink } from "./redis-link.ts";

/** A Lua script: sent by its digest, and in full when this Redis has not seen it yet. */
export class RedisScript {
  readonly #source: string;
  readonly #digest: string;

  constructor(source: string) {
    this.#source = source;
    this.#digest = createHash("sha1").update(source).digest("hex");
  }

  async run(
    link: RedisLink,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    const first = keys[0] ?? "";
    try {
      return await link.send(first, ["EVALSHA", this.#digest, ...rest]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return link.send(first, ["EVAL", this.#source, ...rest]);
    }
  }
}
