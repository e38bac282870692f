import { expect, test } from "bun:test";
import { AttemptFailure, httpProbe, Pool, Sender, type Ticket } from "./index.ts";

interface Upstream {
  readonly url: string;
  readonly writes: string[];
  stop(): Promise<void>;
}

function startUpstream(): Upstream {
  const writes: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/ready") return Response.json({ status: "ready" });
      if (request.method === "POST") writes.push(await request.text());
      return new Response("done");
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, writes, stop: () => server.stop(true) };
}

/** Whether the caller can tell a refused connection from one that was lost. */
const tellings = [true, false];

async function attempt(
  canTell: boolean,
  ticket: Ticket,
  signal: AbortSignal,
  method: string,
  body: string | null,
): Promise<Response> {
  try {
    return await fetch(`${ticket.server.url}/work`, { method, body, signal });
  } catch (cause) {
    const isRefused = canTell && (cause as { code?: string }).code === "ECONNREFUSED";
    throw new AttemptFailure(isRefused ? "unreachable" : "reset", "no answer", { cause });
  }
}

test.each(tellings)(
  "two of three real servers die under load (refusals told: %p): no read fails, no write is done twice",
  async (canTell) => {
    const upstreams = [startUpstream(), startUpstream(), startUpstream()];
    const ejected: string[] = [];
    using pool = new Pool({
      servers: upstreams.map(({ url }) => ({ url })),
      health: { probe: httpProbe(fetch), intervalMs: 1000 },
      events: { onEjection: ({ server }) => ejected.push(server.id) },
    });
    const sender = new Sender(pool);
    let failedReads = 0;
    let failedWrites = 0;
    const send = async (number: number) => {
      const isWrite = number % 4 === 0;
      try {
        const { ticket, answer } = await sender.send({
          repeatable: !isWrite,
          attempt: (ticket, signal) =>
            attempt(
              canTell,
              ticket,
              signal,
              isWrite ? "POST" : "GET",
              isWrite ? `${number}` : null,
            ),
        });
        expect(await answer.text()).toBe("done");
        ticket.succeed();
      } catch {
        if (isWrite) failedWrites++;
        else failedReads++;
      }
    };
    const client = async (first: number) => {
      for (let number = first; number < 4000; number += 20) {
        if (number === 1000) await upstreams[0]!.stop();
        if (number === 2000) await upstreams[1]!.stop();
        await send(number);
      }
    };
    try {
      await Promise.all(Array.from({ length: 20 }, (_, at) => client(at)));
      const writes = upstreams.flatMap((upstream) => upstream.writes);
      expect(failedReads).toBe(0);
      expect(new Set(writes).size).toBe(writes.length);
      expect(writes.length).toBeGreaterThanOrEqual(1000 - failedWrites);
      expect(failedWrites).toBeLessThan(20);
      if (canTell)
        expect(new Set(ejected)).toEqual(new Set([upstreams[0]!.url, upstreams[1]!.url]));
      for (const { inFlight } of pool.snapshot().servers) expect(inFlight).toBe(0);
    } finally {
      await Promise.all(upstreams.map((upstream) => upstream.stop()));
    }
  },
  60_000,
);
