import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { RunningProgram } from "../testing/running-program.ts";
import { TestAuthority } from "../testing/test-certificates.ts";
import { eventually } from "../testing/test-edge.ts";

const authority = new TestAuthority();
const trusted = authority.issue("IP:127.0.0.1");
const cleanUps: (() => unknown)[] = [];
/** Requests that a server with a certificate nobody should believe was sent. */
let misled: string[] = [];

beforeEach(() => {
  misled = [];
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterAll(() => authority.remove());

type Certificate = typeof trusted;

/** A server over TLS. @returns its port */
function serve(tls: Certificate, answer: (request: Request) => Response | Promise<Response>) {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls,
    fetch(request, self) {
      if (new URL(request.url).pathname === "/ready") return Response.json({ status: "ready" });
      if (self.upgrade(request, { data: undefined })) return undefined;
      return answer(request);
    },
    websocket: { message: (ws, message) => void ws.send(message) },
  });
  cleanUps.push(() => server.stop(true));
  return Number(server.port);
}

function serveUnder(tls: Certificate): number {
  return serve(tls, (request) => {
    misled.push(request.method);
    return new Response("misled");
  });
}

/** An address that can be made to lead to another server, as when a certificate was renewed wrongly. */
async function startSwitch(port: number) {
  let target = port;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  cleanUps.push(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as { port: number }).port,
    async leadTo(next: number) {
      target = next;
      cut();
      await eventually(() => sockets.size === 0, "the old connections gone");
    },
  };
}

/** A process of its own, since authorities are read when one starts. */
async function startDoor(ports: readonly number[]) {
  const door = new RunningProgram([], {
    PORT: "0",
    EDGE_ADMIN_PORT: "0",
    EDGE_CACHE_SIZE: "0",
    EDGE_SERVERS: ports.map((port) => `https://127.0.0.1:${port}`).join(","),
    NODE_EXTRA_CA_CERTS: authority.path,
    SHUTDOWN_TIMEOUT: "1",
    // Only the requests themselves find out.
    HEALTH_CHECK_INTERVAL: "3600",
  });
  cleanUps.push(() => door.stop());
  const { url } = await door.ready();
  const reasons = () => door.lines.map(({ reason }) => String(reason ?? ""));
  return { url, reasons };
}

function untrusted(kind: string): Certificate {
  switch (kind) {
    case "another host name":
      return authority.issue("DNS:other.example,IP:127.0.0.2");
    case "an end in the past":
      return authority.issue("IP:127.0.0.1", 0);
    default: {
      const other = new TestAuthority();
      cleanUps.push(() => other.remove());
      return other.issue("IP:127.0.0.1");
    }
  }
}

const kinds = [
  ["another host name", /altname/i],
  ["an end in the past", /expired/i],
  ["an unknown authority", /unable to (verify|get)|self.signed/i],
] as const;

test("requests, bodies and WebSockets pass to a server over TLS", async () => {
  const port = serve(trusted, async (request) =>
    request.method === "POST" ? new Response(await request.arrayBuffer()) : new Response("hello"),
  );
  const { url } = await startDoor([port]);
  for (let count = 0; count < 3; count++) expect(await (await fetch(url)).text()).toBe("hello");

  const large = new Uint8Array(4 * 1024 * 1024).map((_, index) => (index * 31) % 251);
  const answer = await fetch(url, { method: "POST", body: large });
  expect(Bun.hash(await answer.arrayBuffer())).toBe(Bun.hash(large));

  const socket = new WebSocket(url.replace("http", "ws"));
  cleanUps.push(() => socket.close());
  const sent = ["one", "x".repeat(300_000), "two"];
  const received: unknown[] = [];
  const all = new Promise<void>((resolve, reject) => {
    socket.onerror = () => reject(new Error("the WebSocket failed"));
    socket.onopen = () => {
      for (const message of sent) socket.send(message);
    };
    socket.onmessage = ({ data }) => {
      if (received.push(data) === sent.length) resolve();
    };
  });
  await all;
  expect(received).toEqual(sent);
});

test.each(kinds)(
  "a certificate with %s is refused before a byte is sent, and another server asked",
  async (kind, words) => {
    const certificate = untrusted(kind);
    const well = serve(trusted, (request) => new Response(`well ${request.method}`));
    const changing = await startSwitch(serve(trusted, () => new Response("before")));
    const { url, reasons } = await startDoor([changing.port, well]);
    await isOver(kind, certificate);
    await changing.leadTo(serveUnder(certificate));

    for (let count = 0; count < 6; count++) {
      for (const method of ["GET", "POST"]) {
        const answer = await fetch(url, { method, ...(method === "POST" && { body: "once" }) });
        expect([answer.status, await answer.text()]).toEqual([200, `well ${method}`]);
      }
    }
    const isSaid = () => reasons().some((reason) => words.test(reason));
    await eventually(isSaid, "the certificate's fault in the log");
    expect(misled).toEqual([]);
  },
);

test("a server alone that is not to be trusted is a 503, and is sent nothing", async () => {
  const changing = await startSwitch(serve(trusted, () => new Response("before")));
  const { url, reasons } = await startDoor([changing.port]);
  await changing.leadTo(serveUnder(untrusted("another host name")));
  const answer = await fetch(url, { method: "POST", body: "secret" });
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ error: { code: "no_healthy_servers" } });
  const isSaid = () => /cannot be reached: .*altname/i.test(reasons().join());
  await eventually(isSaid, "the certificate's fault in the log");
  expect(misled).toEqual([]);
});

/** One that ends this second holds to the end of it. */
async function isOver(kind: string, { cert }: Certificate): Promise<void> {
  if (kind !== "an end in the past") return;
  const endMs = Date.parse(new X509Certificate(cert).validTo);
  await eventually(() => Date.now() > endMs + 1000, "its end");
}
