import { afterEach, expect, test } from "bun:test";
import { FrontDoor } from "./front-door.ts";

let port: Bun.Server<undefined> | undefined;
afterEach(() => port?.stop(true));

/** What asking a port that answers so comes to. */
async function askOf(answer: () => Response | Promise<Response>, timeoutMs?: number) {
  port = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  const { host } = port.url;
  const door = new FrontDoor(`http://admin:secret-token@${host}`, timeoutMs);
  const error = await door.servers().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: "balancer_unavailable" });
  const { message } = error as Error;
  expect(message).not.toContain("secret-token");
  expect(message).not.toContain(host);
  return message;
}

test("a port that takes the request and is silent is not waited for", async () => {
  const never = new Promise<Response>(() => {});
  expect(await askOf(() => never, 50)).toContain("does not answer");
});

test("an answer that stops in the middle is not waited for", async () => {
  const begun = () =>
    new Response(
      new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from("{")) }),
    );
  expect(await askOf(begun, 50)).toContain("does not answer");
});

test("a token that is wrong, and what is no door, are told apart", async () => {
  const refusal = { error: { code: "unauthenticated", message: "no" } };
  expect(await askOf(() => Response.json(refusal, { status: 401 }))).toContain("EDGE_ADMIN_TOKEN");
  for (const other of [
    () => new Response("<!doctype html>"),
    () => Response.json({ servers: [{ id: 1 }] }),
    () => Response.redirect("http://elsewhere.example/", 302),
  ]) {
    expect(await askOf(other)).toContain("is not the front door's administration port");
    await port?.stop(true);
  }
});

test("what the cache did is summed up, and is unknown where it is off or the door does not tell", async () => {
  let told: object = {};
  port = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json(told) });
  const door = new FrontDoor(port.url.href);
  expect(await door.cache()).toBeNull();
  const kept = { memoryBytes: 1000, memoryEntries: 2, diskBytes: 500, diskEntries: 1 };
  told = kept;
  expect(await door.cache()).toBeNull();
  const results = { hit: 6, stale: 1, miss: 2, revalidated: 1, collapsed: 2, bypass: 50 };
  told = { ...kept, results };
  const expected = { requests: 12, hits: 9, hitRatio: 0.75, bytes: 1500, entries: 3 };
  expect(await door.cache()).toEqual(expected);
  told = {
    ...kept,
    results: { ...results, hit: 0, stale: 0, miss: 0, revalidated: 0, collapsed: 0 },
  };
  expect(await door.cache()).toMatchObject({ requests: 0, hitRatio: null });
});
