import { startRedisServer } from "@peregrine/e2e/redis-server";
import { startTestServer } from "./test-server.ts";

/** Two servers with one database, one Redis and the first one's model server. */
export async function startTwoServers() {
  const redis = await startRedisServer();
  const first = await startTestServer({ REDIS_URL: redis.url });
  const second = await startTestServer({
    REDIS_URL: redis.url,
    DATABASE_URL: first.databaseUrl,
    MODEL_SERVERS: first.models.url,
  });
  return {
    redis,
    first,
    second,
    async stop() {
      await second.stop();
      await first.stop();
      await redis.stop();
    },
  };
}

export type TwoServers = Awaited<ReturnType<typeof startTwoServers>>;
