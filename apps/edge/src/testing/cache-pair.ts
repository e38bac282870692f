import type { CacheResult } from "@peregrine/cdn/edge-cache";
import type { Edge } from "../edge.ts";
import { RawClient } from "./raw-client.ts";
import { startTestEdge } from "./test-edge.ts";

const cleanUps: (() => unknown)[] = [];

/** To be run after each test that begins something here. */
export async function cleanUp(): Promise<void> {
  for (const one of cleanUps.splice(0).reverse()) await one();
}

/** Does this, too, when the test is over, before what was begun earlier. */
export function onCleanUp(work: () => unknown): void {
  cleanUps.push(work);
}

type Answer = (request: Request) => Response | Promise<Response>;

/** A door before one server of the usual kind, with what that was asked and what the cache did. */
export async function startPair(
  answer: Answer,
  options: { environment?: Record<string, string> } = {},
): Promise<{ edge: Edge; asked: Request[]; results: CacheResult[] }> {
  const asked: Request[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    fetch(request) {
      if (new URL(request.url).pathname === "/ready") return Response.json({ status: "ready" });
      asked.push(request);
      return answer(request);
    },
  });
  cleanUps.push(() => server.stop(true));
  const results: CacheResult[] = [];
  const edge = await startTestEdge({
    urls: [`http://127.0.0.1:${server.port}`],
    onCacheResult: (result) => void results.push(result),
    ...options,
  });
  cleanUps.push(() => edge.stop());
  return { edge, asked, results };
}

export const forAnHour = { "cache-control": "public, max-age=3600" };
/** Answers with what may be kept for an hour. */
export const kept = (
  body: string | Uint8Array<ArrayBuffer> = "kept",
  headers: object = {},
): Answer => {
  return () => new Response(body, { headers: { ...forAnHour, ...headers } });
};

/** A body that comes as its pieces do. */
export function streamOf(pieces: () => AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

export async function open(edge: Edge): Promise<RawClient> {
  const client = await RawClient.connect(edge.url);
  cleanUps.push(() => client.close());
  return client;
}
