import { resolve } from "node:path";
import { createLog } from "@peregrine/process";
import { ConfigError } from "@peregrine/settings";
import { isFetchLimitRaised, processConfig } from "./config.ts";
import { startServer } from "./server.ts";

/** The server process: reads its settings, runs until it is told to stop, and ends in order. */
async function main(): Promise<number> {
  const startedMs = performance.now();
  const config = processConfig();
  const log = createLog(config.LOG_LEVEL, process.stdout);
  const webDirectory = resolve(import.meta.dirname, "../../web/dist");
  const stop = Promise.withResolvers<string>();
  // Both before the start, so that a signal that comes early is not lost.
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => stop.resolve(signal));
  }
  // Whoever runs us with a channel to it is gone: nobody would be left to stop us.
  process.on("disconnect", () => stop.resolve("disconnect"));
  const server = await startServer(config, log, webDirectory);
  if (!isFetchLimitRaised()) {
    log.warn({}, "BUN_CONFIG_MAX_HTTP_REQUESTS is not set: no more than 256 answers run at once");
  }
  log.info(
    {
      url: server.url,
      metricsUrl: server.metricsUrl,
      startMs: Math.round(performance.now() - startedMs),
    },
    "ready",
  );
  process.send?.({ type: "ready", url: server.url });
  const signal = await stop.promise;
  log.info({ signal }, "stopping");
  await server.stop();
  log.info({}, "stopped");
  return 0;
}

try {
  process.exit(await main());
} catch (error) {
  const isExpected = error instanceof ConfigError;
  process.stderr.write(`${isExpected ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
