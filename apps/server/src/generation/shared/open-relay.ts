import type { Log } from "@peregrine/process";
import type { RedisTarget } from "../../cache/redis-target.ts";
import type { FrameClock } from "../frame-clock.ts";
import type { RedisRelay } from "./redis/redis-relay.ts";

/** The way on which servers share answers, where there is Redis. Loads its client only then. */
export async function openRelay(
  target: RedisTarget | undefined,
  clock: FrameClock,
  log: Log,
): Promise<RedisRelay | undefined> {
  if (!target) return undefined;
  const { RedisRelay } = await import("./redis/redis-relay.ts");
  return new RedisRelay({ target, clock, log });
}
