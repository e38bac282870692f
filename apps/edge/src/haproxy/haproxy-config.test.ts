import { afterEach, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { lookup } from "node:dns/promises";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@peregrine/process/testing";
import { readConfig } from "../config.ts";
import { ServerProcess } from "../fleet/server-process.ts";
import { readServerEntries } from "../servers/server-entries.ts";
import { RecordingUpstream } from "../testing/recording-upstream.ts";
import { TestAuthority } from "../testing/test-certificates.ts";
import { eventually } from "../testing/test-edge.ts";
import { haproxyConfig } from "./haproxy-config.ts";

const haproxy = "/usr/sbin/haproxy";
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function print(servers: string, environment: Record<string, string> = {}): string {
  return haproxyConfig(readConfig(environment), readServerEntries(servers));
}

function write(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-haproxy-"));
  cleanUps.push(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "haproxy.cfg");
  writeFileSync(file, text);
  return file;
}

async function start(servers: string, environment: Record<string, string> = {}): Promise<string> {
  const port = await freePort();
  const file = write(print(servers, { PORT: String(port), ...environment }));
  const child = spawn(haproxy, ["-db", "-f", file], { stdio: "ignore" });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  cleanUps.push(() => {
    child.kill("SIGKILL");
    return exited;
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(
    () =>
      fetch(url).then(
        ({ status }) => status === 200,
        () => false,
      ),
    "HAProxy with a server that is up",
  );
  return url;
}

describe("HAProxy itself", () => {
  const settings: Record<string, [string, Record<string, string>]> = {
    "the defaults": ["http://127.0.0.1:3000", {}],
    "each algorithm": [
      "http://127.0.0.1:1,http://127.0.0.1:2",
      { LOAD_BALANCER_ALGORITHM: "affinity" },
    ],
    "weights, backups, limits and zones": [
      "http://127.0.0.1:1;weight=0.5;zone=a,http://127.0.0.1:2;weight=300;zone=b,http://[::1]:3;backup;maxInFlight=9",
      { EDGE_ZONE: "a", EDGE_MAX_IN_FLIGHT: "50", LOAD_BALANCER_ALGORITHM: "round_robin" },
    ],
    "trusted proxies, encrypted servers and names": [
      "https://127.0.0.1:1,https://localhost:2,https://[::1]:3,dns+https://servers.internal:3000",
      { TRUSTED_PROXIES: "10.0.0.0/8,::1", EDGE_MAX_CONNECTIONS_PER_ADDRESS: "0" },
    ],
  };
  for (const [name, [servers, environment]] of Object.entries(settings)) {
    test(`accepts ${name} without a warning`, () => {
      const file = write(print(servers, environment));
      const { status, stderr } = spawnSync(haproxy, ["-c", "-f", file], { encoding: "utf8" });
      expect(stderr).not.toMatch(/\[(WARNING|ALERT)\]/);
      expect(status).toBe(0);
    });
  }

  test("spreads load over the servers, and loses no read when one is killed", async () => {
    const servers = await Promise.all(
      ["a", "b"].map(async (name) => {
        const server = new ServerProcess({
          command: [
            process.execPath,
            join(import.meta.dirname, "../testing/fault-server.ts"),
            name,
          ],
          environment: process.env,
          onMessage: () => {},
        });
        cleanUps.push(() => server.stop(0));
        return { server, url: await server.ready };
      }),
    );
    const url = await start(servers.map((each) => each.url).join(","));
    const names: Record<string, number> = {};
    let isDone = false;
    const problems: string[] = [];
    const work = Array.from({ length: 8 }, async () => {
      while (!isDone) {
        const response = await fetch(url);
        const name = await response.text();
        if (response.ok) names[name] = (names[name] ?? 0) + 1;
        else problems.push(`${response.status}`);
      }
    });
    await eventually(() => Boolean(names.a && names.b), "answers of both");
    await servers[0]?.server.stop(0);
    const before = names.b ?? 0;
    await eventually(() => (names.b ?? 0) > before + 100, "answers of the one that is left");
    isDone = true;
    await Promise.all(work);
    expect(problems).toEqual([]);
  });

  test("believes a server over TLS where its certificate is right, and sends no other a byte", async () => {
    const [authority, stranger] = [new TestAuthority(), new TestAuthority()];
    cleanUps.push(() => authority.remove());
    cleanUps.push(() => stranger.remove());
    // What HAProxy finds under this name.
    const { address } = await lookup("localhost");
    const misled: string[] = [];
    const serve = (tls: ReturnType<TestAuthority["issue"]>, isRight: boolean) => {
      const server = Bun.serve({
        hostname: address,
        port: 0,
        tls,
        fetch(request) {
          if (!isRight) misled.push(request.url);
          if (request.url.endsWith("/ready")) return Response.json({ status: "ready" });
          return new Response("right");
        },
      });
      cleanUps.push(() => server.stop(true));
      return `https://localhost:${server.port}`;
    };
    const url = await start(
      [
        serve(authority.issue("DNS:localhost"), true),
        serve(authority.issue("DNS:elsewhere.example"), false),
        serve(stranger.issue("DNS:localhost"), false),
      ].join(","),
      {
        NODE_EXTRA_CA_CERTS: authority.path,
        LOAD_BALANCER_ALGORITHM: "round_robin",
        HEALTH_CHECK_INTERVAL: "1",
      },
    );
    // HAProxy takes every server for well until it has checked it, and answers 503 where one is not.
    let inARow = 0;
    await eventually(async () => {
      const response = await fetch(url);
      const text = await response.text();
      if (response.ok) expect(text).toBe("right");
      inARow = response.ok ? inARow + 1 : 0;
      return inARow === 30;
    }, "answers of the right one alone");
    expect(misled).toEqual([]);
  }, 30_000);

  test("says what of the settings has no counterpart", () => {
    expect(print("http://a:1")).not.toContain("EDGE_HEDGE_AFTER_MS");
    const text = print("http://127.0.0.1:1", { EDGE_HEDGE_AFTER_MS: "200" });
    expect(text).toContain("EDGE_HEDGE_AFTER_MS has no counterpart");
    const { status, stderr } = spawnSync(haproxy, ["-c", "-f", write(text)], { encoding: "utf8" });
    expect(stderr).not.toMatch(/\[(WARNING|ALERT)\]/);
    expect(status).toBe(0);
  });

  test("says of a server that is listed by its address what it does not check", () => {
    const remark = "HAProxy compares names alone";
    expect(print("https://127.0.0.1:1")).toContain(remark);
    expect(print("https://[::1]:1")).toContain(remark);
    expect(print("https://a:1,http://127.0.0.1:2")).not.toContain(remark);
  });

  test("replaces what a client claims about itself", async () => {
    const upstream = await RecordingUpstream.start();
    cleanUps.push(() => upstream.stop());
    const url = await start(upstream.url);
    upstream.requests.length = 0;
    await fetch(url, { headers: { "x-forwarded-for": "6.6.6.6", "x-forwarded-proto": "https" } });
    const headers = upstream.requests[0]?.headers ?? [];
    const values = (name: string) => headers.filter((each) => each[0] === name).map(([, v]) => v);
    expect(values("x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(values("x-forwarded-proto")).toEqual(["http"]);
    expect(values("x-request-id")).toHaveLength(1);
  });
});
