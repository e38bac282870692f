import type { Metrics } from "@peregrine/metrics";
import type { Log } from "@peregrine/process";
import type { Config } from "../config.ts";

/** The metrics as a response. */
export async function metricsResponse({ exposition }: Metrics): Promise<Response> {
  return new Response(await exposition.render(), {
    headers: { "content-type": exposition.contentType, "cache-control": "no-store" },
  });
}

/**
 * Serves `/metrics` on a port of its own, to whoever reaches it: on the loopback unless set
 * otherwise. A port that is taken, as by the server beside this one, is no reason not to start: the
 * main port has the metrics too.
 */
export function listenForScrapes(
  { METRICS_HOST, METRICS_PORT }: Config,
  metrics: Metrics,
  log: Log,
): { stop(): Promise<void>; url: string } | undefined {
  try {
    const server = Bun.serve({
      hostname: METRICS_HOST,
      port: METRICS_PORT,
      routes: { "/metrics": { GET: () => metricsResponse(metrics) } },
      fetch: () => new Response("There is only /metrics here.\n", { status: 404 }),
    });
    return { url: `http://${server.hostname}:${server.port}`, stop: () => server.stop(true) };
  } catch (err) {
    log.warn(
      { err, port: METRICS_PORT },
      "METRICS_PORT is taken: /metrics is on the main port alone",
    );
    return undefined;
  }
}
