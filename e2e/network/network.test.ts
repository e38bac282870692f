import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import type { Host } from "./host.ts";
import { Network, whyNoNetwork } from "./network.ts";

const reason = whyNoNetwork();
const name = `a network of several hosts${reason === undefined ? "" : ` (not run: ${reason})`}`;

describe.skipIf(reason !== undefined)(name, () => {
  let network: Network<"client" | "server">;
  let client: Host;
  let server: Host;
  let counter: Bun.Subprocess<"ignore", "pipe", "inherit">;
  let url: string;

  beforeAll(async () => {
    network = await Network.create("client", "server");
    ({ client, server } = network.hosts);
    counter = run(
      server,
      `const { port } = Bun.serve({ hostname: "0.0.0.0", port: 0, async fetch(request) {
         return new Response(String((await request.text()).length));
       } });
       console.log(port);`,
    );
    const { value } = await counter.stdout.getReader().read();
    url = `http://${server.address}:${new TextDecoder().decode(value).trim()}`;
  });
  afterAll(async () => {
    counter.kill();
    await counter.exited;
    await network.close();
  });

  function run(host: Host, script: string): Bun.Subprocess<"ignore", "pipe", "inherit"> {
    return Bun.spawn(host.command([process.execPath, "-e", script]), {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
  }

  /** What became of one request of the client's with so many bytes, and how long that took. */
  async function ask(
    bytes: number,
    timeoutMs: number,
    at = url,
  ): Promise<{ text: string; tookMs: number }> {
    const child = run(
      client,
      `const startedMs = performance.now();
       const signal = AbortSignal.timeout(${timeoutMs});
       const asked = fetch("${at}", { method: "POST", body: "x".repeat(${bytes}), signal });
       const text = await asked.then((response) => response.text(), (error) => error.name);
       console.log(JSON.stringify({ text, tookMs: performance.now() - startedMs }));
       process.exit(0);`,
    );
    return JSON.parse(await new Response(child.stdout).text());
  }

  test("hosts reach each other, and nothing of the machine", async () => {
    expect((await ask(100_000, 10_000)).text).toBe("100000");
    using outside = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response() });
    expect((await fetch(`http://127.0.0.1:${outside.port}`)).status).toBe(200);
    const { text } = await ask(1, 10_000, `http://127.0.0.1:${outside.port}`);
    expect(text).toContain("Error");
  });

  test("a link is cut without a word, and mended", async () => {
    await server.cut();
    const before = await server.traffic();
    expect((await ask(5, 1200)).text).toBe("TimeoutError");
    const after = await server.traffic();
    expect(after.passed).toBe(before.passed);
    expect(after.lost).toBeGreaterThan(before.lost);
    await server.mend();
    expect((await ask(5, 10_000)).text).toBe("5");
  });

  test("a link's delay is paid once for each round trip", async () => {
    await server.delay(200);
    const { text, tookMs } = await ask(5, 10_000);
    expect(text).toBe("5");
    // One for the connection, one for the request.
    expect(tookMs).toBeGreaterThanOrEqual(398);
    await server.mend();
  });

  test("a link loses its share, and TCP makes up for it", async () => {
    const before = await server.traffic();
    await server.lose(0.1);
    expect((await ask(300_000, 30_000)).text).toBe("300000");
    await server.mend();
    const after = await server.traffic();
    const lost = after.lost - before.lost;
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThan(after.passed - before.passed);
  });

  test("a host that restarts has forgotten its connections, and is back on its address", async () => {
    const other = await Network.create("one", "two");
    const { one, two } = other.hosts;
    const listening = `Bun.listen({ hostname: "0.0.0.0", port: 3000, socket: { data() {} } });
       console.log("listens");`;
    const before = run(two, listening);
    await before.stdout.getReader().read();
    const peer = run(
      one,
      `const closed = (socket, error) => console.log(error?.code);
       const socket = await Bun.connect({
         hostname: "${two.address}", port: 3000, socket: { data() {}, close: closed } });
       console.log("connected");
       setInterval(() => socket.write("there?"), 20);`,
    );
    const said = peer.stdout.getReader();
    const next = async () => new TextDecoder().decode((await said.read()).value).trim();
    expect(await next()).toBe("connected");
    await two.restart();
    expect(await next()).toBe("ECONNRESET");
    const after = run(two, listening);
    await after.stdout.getReader().read();
    for (const child of [before, peer, after]) child.kill();
    await other.close();
  });

  test("nothing is left of a network that was closed", async () => {
    const other = await Network.create("alone");
    const entrance = other.hosts.alone.command([]).find((part) => part.startsWith("--net="));
    const file = entrance?.slice("--net=".length) ?? "";
    expect(existsSync(file)).toBe(true);
    await other.close();
    expect(existsSync(file)).toBe(false);
  });

  test("more hosts than a network has are refused", async () => {
    const names = Array.from({ length: 17 }, (_, index) => `host ${index}`);
    await expect(Network.create(...names)).rejects.toThrow("17 hosts are too many");
  });
});
