import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startVarnish, type Varnish } from "@peregrine/cdn/testing";
import { freePort } from "@peregrine/process/testing";
import { type ServerProcess, startServerProcess } from "./server-process.ts";

/** The server, the front door with its cache before it, and a real Varnish before that. */
let server: ServerProcess;
let door: Bun.Subprocess;
let varnish: Varnish;
let doorUrl: string;
let doorAdminUrl: string;

beforeAll(async () => {
  const [port, adminPort, varnishPort] = [await freePort(), await freePort(), await freePort()];
  doorUrl = `http://127.0.0.1:${port}`;
  doorAdminUrl = `http://127.0.0.1:${adminPort}`;
  const varnishUrl = `http://127.0.0.1:${varnishPort}`;
  server = await startServerProcess({
    TRUSTED_PROXIES: "127.0.0.1",
    PUBLIC_URL: varnishUrl,
    CDN_PURGE_URLS: `http://purge:a-token@127.0.0.1:${adminPort},${varnishUrl}`,
  });
  door = Bun.spawn([process.execPath, join(import.meta.dirname, "../apps/edge/src/main.ts")], {
    env: {
      ...process.env,
      PORT: String(port),
      EDGE_ADMIN_PORT: String(adminPort),
      EDGE_ADMIN_TOKEN: "a-token",
      EDGE_SERVERS: server.url,
      LOG_LEVEL: "error",
    },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  await until(() => answers(`${doorUrl}/ready`), "the door answers");
  varnish = await startVarnish(port, varnishPort);
}, 60_000);

afterAll(async () => {
  await varnish?.stop();
  door?.kill("SIGTERM");
  await door?.exited;
  await server?.remove();
});

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const startedMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedMs > 20_000) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(2);
  }
}

const statusOf = (response: Response) => response.headers.get("cache-status");
const isVarnishHit = (response: Response) =>
  /^\d+ \d+$/.test(response.headers.get("x-varnish") ?? "");

async function register(): Promise<string> {
  const response = await fetch(`${varnish.url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "ada@example.org", password: "a good password", name: "Ada" }),
  });
  expect(response.status).toBe(201);
  return response.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
}

test("the page is asked about each time, its assets are not, and both are held at the door", async () => {
  const headers = { cookie: "theme=dark" };
  const page = await (await fetch(doorUrl, { headers })).text();
  const again = await fetch(doorUrl, { headers });
  expect([await again.text(), statusOf(again)]).toEqual([
    page,
    "peregrine; fwd=stale; fwd-status=304",
  ]);
  const asset = /\/assets\/[\w.-]+\.js/.exec(page)?.[0] ?? "";
  const script = await (await fetch(doorUrl + asset, { headers })).text();
  const hit = await fetch(doorUrl + asset, { headers });
  expect([await hit.text(), hit.headers.get("surrogate-key")]).toEqual([script, null]);
  expect(statusOf(hit)).toStartWith("peregrine; hit");
});

test("a public file that is taken back is gone from the server, the door and Varnish", async () => {
  const cookie = await register();
  const form = new FormData();
  form.append("file", new File(["a public text"], "text.txt", { type: "text/plain" }));
  const uploaded = await fetch(`${doorUrl}/api/v1/files`, {
    method: "POST",
    headers: { cookie },
    body: form,
  });
  const { file } = (await uploaded.json()) as { file: { id: string } };
  const patch = async (visibility: string) => {
    const response = await fetch(`${doorUrl}/api/v1/files/${file.id}`, {
      method: "PATCH",
      headers: { cookie, "content-type": "application/json" },
      body: JSON.stringify({ visibility }),
    });
    return (await response.json()) as { file: { publicUrl: string } };
  };
  const { pathname } = new URL((await patch("public")).file.publicUrl);
  for (const _ of ["filled", "hit"]) {
    expect(await (await fetch(varnish.url + pathname, { headers: { cookie } })).text()).toBe(
      "a public text",
    );
  }
  expect(isVarnishHit(await fetch(varnish.url + pathname))).toBe(true);
  // By the host that Varnish was asked for.
  const host = new URL(varnish.url).host;
  const atDoor = () => fetch(doorUrl + pathname, { headers: { cookie, host } });
  expect(statusOf(await atDoor())).toStartWith("peregrine; hit");

  await patch("private");
  const isGone = (ask: () => Promise<Response>) => async () => (await ask()).status === 404;
  await until(
    isGone(() => fetch(server.url + pathname)),
    "the server has let go of it",
  );
  await until(isGone(atDoor), "the door has let go of it");
  await until(
    isGone(() => fetch(varnish.url + pathname)),
    "Varnish has let go of it",
  );
});

test("nobody purges without the token", async () => {
  const purge = (authorization?: string) =>
    fetch(doorAdminUrl, {
      method: "PURGE",
      headers: { "surrogate-key": "web", ...(authorization && { authorization }) },
    });
  expect((await purge()).status).toBe(401);
  expect((await purge("Bearer another")).status).toBe(401);
  expect((await purge("Bearer a-token")).status).toBe(200);
});
