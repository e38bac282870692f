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
