import { createLog, type Log } from "@peregrine/process";
import { ConfigError } from "@peregrine/settings";
import { type Command, readArguments } from "./arguments.ts";
import { type Config, processConfig } from "./config.ts";
import { type Edge, startEdge } from "./edge.ts";
import { runFleet } from "./fleet/run-fleet.ts";
import { haproxyConfig } from "./haproxy/haproxy-config.ts";
import { readServerEntries } from "./servers/server-entries.ts";
import { ServerSource } from "./servers/server-source.ts";

type Running = {
  readonly edge: Edge;
  /** What SIGHUP asks for. */
  renew(): Promise<void>;
  stop(): Promise<void>;
};

/** The front door: reads its settings, runs until it is told to stop, and ends in order. */
async function main(): Promise<number> {
  const startedMs = performance.now();
  const command = readArguments(process.argv.slice(2));
  const config = processConfig();
  if (command.run === "print") {
    const text = await new ServerSource(withServers(config, command.servers)).readText();
    process.stdout.write(haproxyConfig(config, readServerEntries(text)));
    return 0;
  }
  const log = createLog(config.LOG_LEVEL, process.stdout);
  const stop = Promise.withResolvers<string>();
  // Before the start, so that a signal that comes early is not lost.
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => stop.resolve(signal));
  }
  process.on("SIGHUP", () => log.warn({}, "not started yet: nothing to renew"));
  const running = await start(command, config, log);
  process.removeAllListeners("SIGHUP");
  process.on("SIGHUP", () => {
    running.renew().catch((err: unknown) => log.error({ err }, "renewing failed"));
  });
  const { url, adminUrl } = running.edge;
  const startMs = Math.round(performance.now() - startedMs);
  log.info({ url, adminUrl, startMs }, "ready");
  const signal = await stop.promise;
  log.info({ signal }, "stopping");
  await running.stop();
  log.info({}, "stopped");
  return 0;
}

async function start(
  command: Exclude<Command, { run: "print" }>,
  config: Config,
  log: Log,
): Promise<Running> {
  if (command.run === "fleet") {
    const fleet = await runFleet(config, command.count, log);
    return { edge: fleet.edge, renew: () => fleet.replaceAll(), stop: () => fleet.stop() };
  }
  const source = new ServerSource(withServers(config, command.servers));
  const edge = await startEdge({ config, log, servers: source });
  return { edge, renew: () => source.reload(), stop: () => edge.stop() };
}

/** The command line comes before the environment. */
function withServers(config: Config, servers: string | undefined): Config {
  if (servers === undefined) return config;
  return { ...config, EDGE_SERVERS: servers, EDGE_SERVERS_FILE: undefined };
}

try {
  process.exit(await main());
} catch (error) {
  const isExpected = error instanceof ConfigError || (error as Error).name === "BalancerError";
  process.stderr.write(`${isExpected ? (error as Error).message : (error as Error).stack}\n`);
  process.exit(1);
}
