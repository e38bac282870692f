import type { Log } from "@peregrine/process";
import { readConfig } from "../config.ts";
import { type Edge, type EdgeOptions, startEdge } from "../edge.ts";

/** What a log was told, for tests that look at it. */
export class KeptLog implements Log {
  readonly lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  debug(): void {}
  info(fields: object, message: string): void {
    this.#keep("info", fields, message);
  }
  warn(fields: object, message: string): void {
    this.#keep("warn", fields, message);
  }
  error(fields: object, message: string): void {
    this.#keep("error", fields, message);
  }
  #keep(level: string, fields: object, message: string): void {
    this.lines.push({ level, fields: fields as Record<string, unknown>, message });
  }
}

type TestEdgeOptions = Partial<Pick<EdgeOptions, "limits" | "servers" | "onCacheResult">> & {
  urls?: readonly string[];
  environment?: Record<string, string>;
  log?: Log;
};

/** A door on free ports, before these servers. */
export function startTestEdge(options: TestEdgeOptions): Promise<Edge> {
  const { urls = [], environment = {}, limits, onCacheResult, log = new KeptLog() } = options;
  return startEdge({
    config: readConfig({ PORT: "0", EDGE_ADMIN_PORT: "0", SHUTDOWN_TIMEOUT: "2", ...environment }),
    log,
    servers: options.servers ?? urls.map((url) => ({ url })),
    ...(limits && { limits }),
    ...(onCacheResult && { onCacheResult }),
  });
}

/** Waits until something holds, looking ever more rarely; throws where it does not within 50 s. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const deadlineMs = performance.now() + 50_000;
  let pauseMs = 5;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(pauseMs);
    pauseMs = Math.min(50, pauseMs * 1.2);
  }
}
