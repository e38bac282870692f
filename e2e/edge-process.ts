import { join } from "node:path";
import { serverEnvironment } from "../scripts/set-up.mjs";
import { readReady } from "./read-ready.ts";

export type EdgeProcess = { url: string; adminUrl: string; stop(): Promise<number> };

/**
 * The front door before these servers, on free ports.
 *
 * @param inside gives the command that runs a command elsewhere, such as on another host
 */
export async function startEdgeProcess(
  servers: readonly string[],
  environment: Record<string, string> = {},
  inside: (command: string[]) => string[] = (command) => command,
): Promise<EdgeProcess> {
  const main = join(import.meta.dirname, "../apps/edge/src/main.ts");
  const command = inside([process.execPath, main, "--servers", servers.join(",")]);
  const child = Bun.spawn(command, {
    env: {
      ...serverEnvironment,
      LOG_LEVEL: "info",
      PORT: "0",
      EDGE_ADMIN_PORT: "0",
      ...environment,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { url, adminUrl = "" } = await readReady(child);
  return {
    url,
    adminUrl,
    stop() {
      child.kill("SIGTERM");
      return child.exited;
    },
  };
}
