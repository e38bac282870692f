import { afterEach, expect, test } from "bun:test";
import { httpProbe, Pool } from "./index.ts";

const servers: { stop(force: boolean): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(true)));
});

function serve(answer: (request: Request) => Response): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

/** A pool of that one server, which is asked once. */
async function firstVerdict(url: string): Promise<{ ok: boolean; words: string }> {
  const result = Promise.withResolvers<{ ok: boolean; words: string }>();
  using _pool = new Pool({
    servers: [{ url }],
    health: { probe: httpProbe(fetch), timeoutMs: 1000 },
    events: { onProbe: result.resolve },
  });
  return await result.promise;
}

test("asks for /ready beneath the server's address", async () => {
  const url = serve(({ url }) =>
    new URL(url).pathname === "/base/ready"
      ? Response.json({ status: "ready", checks: {} })
      : new Response("not found", { status: 404 }),
  );
  expect(await firstVerdict(`${url}/base`)).toMatchObject({ ok: true });
  expect(await firstVerdict(url)).toMatchObject({ ok: false, words: "it answers 404" });
});

test("does not follow a redirect to somebody else", async () => {
  const well = serve(() => Response.json({ status: "ready" }));
  const url = serve(() => Response.redirect(`${well}/ready`, 302));
  expect(await firstVerdict(url)).toMatchObject({ ok: false, words: "it answers 302" });
});

test("an answer without end is cut off and is no good one", async () => {
  const chunk = new Uint8Array(16 * 1024).fill(32);
  const cancelled = Promise.withResolvers<void>();
  const url = serve(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(chunk),
          cancel: () => cancelled.resolve(),
        }),
      ),
  );
  const { ok, words } = await firstVerdict(url);
  expect([ok, words]).toEqual([false, expect.stringContaining("it answers 200 with")]);
  await cancelled.promise;
});

test("a server that takes the connection and says nothing is given up in time", async () => {
  const listener = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data() {} } });
  try {
    expect(await firstVerdict(`http://127.0.0.1:${listener.port}`)).toEqual(
      expect.objectContaining({ ok: false, words: "no answer within 1000 ms" }),
    );
  } finally {
    listener.stop(true);
  }
});

test("nobody there is not healthy", async () => {
  const listener = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  expect(await firstVerdict(`http://127.0.0.1:${port}`)).toMatchObject({ ok: false });
});
