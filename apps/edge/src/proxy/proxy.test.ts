import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import type { Edge } from "../edge.ts";
import { RawClient, statusOf } from "../testing/raw-client.ts";
import { RecordingUpstream } from "../testing/recording-upstream.ts";
import { eventually, startTestEdge } from "../testing/test-edge.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

type TestOptions = Parameters<typeof startTestEdge>[0];

async function startEdge(options: TestOptions): Promise<Edge> {
  const edge = await startTestEdge(options);
  cleanUps.push(() => edge.stop());
  return edge;
}

async function startUpstream(): Promise<RecordingUpstream> {
  const upstream = await RecordingUpstream.start();
  cleanUps.push(() => upstream.stop());
  return upstream;
}

/** A server of the usual kind behind a door. */
async function startPair(
  fetchUpstream: (request: Request) => Response | Promise<Response>,
  options: TestOptions = {},
): Promise<Edge> {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    fetch: (request) =>
      new URL(request.url).pathname === "/ready"
        ? Response.json({ status: "ready" })
        : fetchUpstream(request),
  });
  cleanUps.push(() => server.stop(true));
  return startEdge({ urls: [`http://127.0.0.1:${server.port}`], ...options });
}

async function rawPair(options: TestOptions = {}): Promise<[Edge, RecordingUpstream]> {
  const upstream = await startUpstream();
  return [await startEdge({ urls: [upstream.url], ...options }), upstream];
}

async function open(edge: Edge): Promise<RawClient> {
  const client = await RawClient.connect(edge.url);
  cleanUps.push(() => client.close());
  return client;
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

describe("headers", () => {
  test("those of one hop and those that Connection names stay behind, both ways", async () => {
    const [edge, upstream] = await rawPair();
    upstream.respond = () =>
      "HTTP/1.1 200 OK\r\nConnection: X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n";
    const client = await open(edge);
    client.send(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Drop: 1\r\nConnection: close, x-drop\r\nTE: trailers\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nX-Keep: 1\r\n\r\n",
    );
    const text = await client.closed();
    expect(text).toContain("X-Kept: 1");
    expect(text).not.toContain("X-Secret");
    expect(text).not.toContain("Keep-Alive");
    const names = upstream.requests[0]!.headers.map(([name]) => name);
    expect(names).toContain("x-keep");
    for (const name of ["x-drop", "te", "keep-alive", "proxy-connection", "connection"]) {
      expect(names).not.toContain(name);
    }
  });

  test("what a client claims about itself is replaced", async () => {
    const edge = await startPair((request) => Response.json(Object.fromEntries(request.headers)));
    const headers = {
      "x-forwarded-for": "6.6.6.6",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "evil",
      "x-real-ip": "6.6.6.6",
      forwarded: "for=6.6.6.6",
    };
    const seen = (await (await fetch(edge.url, { headers })).json()) as Record<string, string>;
    const host = new URL(edge.url).host;
    expect(seen).toMatchObject({
      host,
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": host,
      forwarded: `for=127.0.0.1;proto=http;host="${host}"`,
    });
    expect(seen["x-real-ip"]).toBeUndefined();
  });

  test("what a trusted proxy says is passed on with its address", async () => {
    const edge = await startPair((request) => Response.json(Object.fromEntries(request.headers)), {
      environment: { TRUSTED_PROXIES: "127.0.0.0/8" },
    });
    const headers = {
      "x-forwarded-for": "6.6.6.6",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "chat.example",
      forwarded: "for=6.6.6.6;proto=https",
    };
    const seen = (await (await fetch(edge.url, { headers })).json()) as Record<string, string>;
    expect(seen).toMatchObject({
      "x-forwarded-for": "6.6.6.6, 127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "chat.example",
    });
    expect(seen.forwarded).toStartWith("for=6.6.6.6;proto=https, for=127.0.0.1;proto=http;");
  });

  test("a request id is passed on or made, a traceparent passed on where it is well-formed", async () => {
    const edge = await startPair((request) => Response.json(Object.fromEntries(request.headers)));
    const ask = async (headers: Record<string, string>) =>
      (await (await fetch(edge.url, { headers })).json()) as Record<string, string>;
    const given = {
      "x-request-id": "abc-1",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    expect(await ask(given)).toMatchObject(given);
    const made = await Promise.all([ask({}), ask({ traceparent: "rubbish" }), ask({})]);
    for (const seen of made) expect(seen).not.toHaveProperty("traceparent");
    expect(new Set(made.map((seen) => seen["x-request-id"])).size).toBe(3);
  });

  test("each Set-Cookie is kept, and a compressed body comes through untouched", async () => {
    const body = Bun.gzipSync("hello ".repeat(1000));
    const edge = await startPair(() => {
      const headers = new Headers({ "content-encoding": "gzip" });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2; Expires=Wed, 09 Jun 2100 10:18:14 GMT");
      return new Response(body, { headers });
    });
    const response = await fetch(edge.url, { decompress: false });
    expect(response.headers.getSetCookie()).toEqual([
      "a=1",
      "b=2; Expires=Wed, 09 Jun 2100 10:18:14 GMT",
    ]);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(body);
  });
});

describe("answers", () => {
  test("HEAD has the length and no body, and the connection goes on", async () => {
    const [edge, upstream] = await rawPair();
    upstream.respond = ({ line }) =>
      line.startsWith("HEAD")
        ? "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
        : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const client = await open(edge);
    client.send(`HEAD / HTTP/1.1\r\nHost: a\r\n\r\n${get}`);
    const text = await client.until((came) => came.endsWith("ok"));
    expect(text.toLowerCase()).toContain("content-length: 5000\r\n\r\nhttp/1.1 200");
  });

  test("204 and 304 have no body, whatever their headers say", async () => {
    const [edge, upstream] = await rawPair();
    const client = await open(edge);
    for (const status of ["204 No Content", "304 Not Modified"]) {
      upstream.respond = () => `HTTP/1.1 ${status}\r\nETag: "1"\r\nContent-Length: 7\r\n\r\n`;
      client.send(get.replace("/", `/${status.slice(0, 1)}`));
      await client.until((text) => text.includes(status) && text.endsWith("\r\n\r\n"));
    }
    upstream.respond = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    client.send(get);
    const text = await client.until((came) => came.endsWith("ok"));
    expect(text.split("304")[0]).not.toContain("content-length");
    expect(upstream.accepted).toBeLessThanOrEqual(2);
  });

  test("redirects are the client's to follow", async () => {
    const edge = await startPair(() => Response.redirect("http://elsewhere.example/", 302));
    const response = await fetch(edge.url, { redirect: "manual" });
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe("http://elsewhere.example/");
  });

  test("a body that ends with the server's connection is chunked, and whole", async () => {
    const [edge, upstream] = await rawPair();
    upstream.respond = (_, socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\nhello ");
      setTimeout(() => socket.end("world"), 10);
      return undefined;
    };
    expect(await (await fetch(edge.url)).text()).toBe("hello world");
    const client = await open(edge);
    client.send(get);
    expect(await client.until((text) => text.endsWith("0\r\n\r\n"))).toContain(
      "transfer-encoding: chunked",
    );
  });

  test("HTTP/1.0 gets a body without chunks, ended by the connection", async () => {
    const [edge, upstream] = await rawPair();
    upstream.respond = () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    const client = await open(edge);
    client.send("GET / HTTP/1.0\r\n\r\n");
    const text = await client.closed();
    expect(text).toEndWith("\r\n\r\nabcde");
    expect(text.toLowerCase()).not.toContain("chunked");
    expect(upstream.requests[0]!.line).toBe("GET / HTTP/1.1");
  });

  test("a body cut short is cut short for the client too, never passed off as whole", async () => {
    const [edge, upstream] = await rawPair();
    for (const head of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
      upstream.respond = (_, socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nhello\r\n`);
        setTimeout(() => socket.destroy(), 10);
        return undefined;
      };
      const client = await open(edge);
      client.send(get);
      const text = await client.closed();
      expect(text).toContain("hello");
      expect(text).not.toContain("\r\n0\r\n\r\n");
    }
  });

  test("100 Continue is the server's word, and its refusal comes before the body", async () => {
    const [edge, upstream] = await rawPair();
    const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    upstream.onHead = (_, socket) => socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    const client = await open(edge);
    client.send(head);
    await client.until((text) => text === "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hi");
    await client.until((text) => text.endsWith("ok"));
    expect(upstream.requests.map((request) => request.body)).toEqual(["hi"]);

    upstream.onHead = (_, socket) =>
      socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    const refused = await open(edge);
    refused.send(head);
    expect(await refused.closed()).toEndWith("big");
    expect(upstream.requests).toHaveLength(1);
  });
});

describe("streams", () => {
  test("each event of a stream arrives when it is sent", async () => {
    let send: (text: string) => void = () => {};
    const edge = await startPair(
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              send = (text) => controller.enqueue(new TextEncoder().encode(text));
              send(": open\n\n");
            },
          }),
          { headers: { "content-type": "text/event-stream" } },
        ),
    );
    const response = await fetch(edge.url);
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    const read = async () => decoder.decode((await reader.read()).value);
    expect(await read()).toBe(": open\n\n");
    const times: number[] = [];
    for (let event = 0; event < 20; event++) {
      const sentMs = performance.now();
      send(`data: ${event}\n\n`);
      expect(await read()).toBe(`data: ${event}\n\n`);
      times.push(performance.now() - sentMs);
    }
    expect(times.sort((a, b) => a - b)[10]).toBeLessThan(100);
    await reader.cancel();
  });

  test("a client that leaves stops the server's work within milliseconds", async () => {
    const [edge, upstream] = await rawPair();
    upstream.respond = () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
    const times: number[] = [];
    for (let round = 0; round < 20; round++) {
      const client = await open(edge);
      client.send(get);
      await client.until((text) => text.includes("hi"));
      const gone = Promise.withResolvers<number>();
      const [socket] = [...upstream.sockets].filter((each) => !each.destroyed).slice(-1);
      socket!.once("close", () => gone.resolve(performance.now()));
      const leftMs = performance.now();
      client.close();
      times.push((await gone.promise) - leftMs);
    }
    // 1 ms on a quiet machine. It may be busy; the door's own part shows in most of them.
    expect(times.sort((a, b) => a - b)[10]).toBeLessThan(100);
    expect(edge.pool.snapshot().servers[0]!.inFlight).toBe(0);
  });

  test("a client that leaves before the answer begins stops it too", async () => {
    const [edge, upstream] = await rawPair();
    upstream.respond = () => undefined;
    const client = await open(edge);
    client.send(get);
    await eventually(() => upstream.requests.length === 1, "the request at the server");
    client.close();
    await eventually(
      () => edge.pool.snapshot().servers[0]!.inFlight === 0,
      "the ticket given back",
    );
  });

  test("a slow reader slows the server down, and nothing piles up between them", async () => {
    const total = 256 * 1024 * 1024;
    let sent = 0;
    const piece = Buffer.alloc(256 * 1024, 120);
    const upstream = await startUpstream();
    upstream.respond = (_, socket: Socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      const pump = () => {
        while (sent < total) {
          sent += piece.length;
          if (!socket.write(piece)) {
            socket.once("drain", pump);
            return;
          }
        }
      };
      pump();
      return undefined;
    };
    const edge = await startEdge({ urls: [upstream.url] });
    const client = await open(edge);
    client.socket.pause();
    client.socket.removeAllListeners("data");
    client.send(get);
    let before = -1;
    while (sent !== before) {
      before = sent;
      await Bun.sleep(200);
    }
    // Only what the kernel's buffers on both ways take.
    expect(sent).toBeLessThan(48 * 1024 * 1024);
    let received = 0;
    client.socket.on("data", (bytes) => {
      received += bytes.length;
    });
    client.socket.resume();
    await eventually(() => received >= total, "the whole body");
  });

  test("an upload waits for a server that does not read, and arrives whole", async () => {
    const total = 64 * 1024 * 1024;
    const edge = await startPair(async (request) => {
      let bytes = 0;
      const reader = request.body!.getReader();
      await Bun.sleep(200);
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        bytes += part.value.length;
      }
      return Response.json({ bytes });
    });
    const before = process.memoryUsage().rss;
    const response = await fetch(edge.url, { method: "POST", body: Buffer.alloc(total, 120) });
    expect(await response.json()).toEqual({ bytes: total });
    expect(process.memoryUsage().rss - before).toBeLessThan(4 * total);
  });

  test("an answer that comes before the upload is over reaches the client", async () => {
    const [edge, upstream] = await rawPair();
    upstream.onHead = (_, socket) =>
      socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    const client = await open(edge);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegin");
    expect(await client.closed()).toEndWith("big");
  });
});

describe("WebSocket", () => {
  test("messages pass both ways, with protocols and close codes", async () => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request, self) {
        if (new URL(request.url).pathname === "/ready") return Response.json({ status: "ready" });
        const headers = { "sec-websocket-protocol": "chat" };
        if (self.upgrade(request, { headers, data: undefined })) return undefined;
        return new Response("no", { status: 426 });
      },
      websocket: {
        message(ws, message) {
          if (message === "bye") ws.close(4321, "told to");
          else ws.send(message);
        },
      },
    });
    cleanUps.push(() => server.stop(true));
    const edge = await startEdge({ urls: [`http://127.0.0.1:${server.port}`] });
    const socket = new WebSocket(edge.url.replace("http", "ws"), ["chat"]);
    const closed = Promise.withResolvers<CloseEvent>();
    socket.onclose = (event) => closed.resolve(event);
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    expect(socket.protocol).toBe("chat");
    const big = "x".repeat(1_000_000);
    const received: unknown[] = [];
    const all = new Promise<void>((resolve) => {
      socket.onmessage = ({ data }) => {
        received.push(data);
        if (received.length === 3) resolve();
      };
    });
    for (const message of ["one", big, "two"]) socket.send(message);
    await all;
    expect(received).toEqual(["one", big, "two"]);
    expect(edge.pool.snapshot().servers[0]!.inFlight).toBe(1);
    socket.send("bye");
    const { code, reason } = await closed.promise;
    expect({ code, reason }).toEqual({ code: 4321, reason: "told to" });
    await eventually(() => edge.pool.snapshot().servers[0]!.inFlight === 0, "the ticket's end");
  });
});

describe("limits", () => {
  test("a head that does not come in time, and a body that stops, are cut off", async () => {
    const [edge, upstream] = await rawPair({ limits: { headerMs: 100, idleMs: 100 } });
    const silent = await open(edge);
    const half = await open(edge);
    half.send("GET / HT");
    const body = await open(edge);
    body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    expect(await silent.closed()).toBe("");
    expect(statusOf(await half.closed())).toBe(408);
    expect(statusOf(await body.closed())).toBe(408);
    expect(upstream.requests).toEqual([]);
  });

  test("a body that comes byte by byte is cut, however steadily it comes", async () => {
    const [edge, upstream] = await rawPair({
      limits: { idleMs: 1000 },
      environment: { EDGE_MIN_RATE: "500" },
    });
    const drip = (client: RawClient, piece: string) => {
      const timer = setInterval(() => client.send(piece), 20);
      client.socket.on("close", () => clearInterval(timer));
    };
    const plain = await open(edge);
    plain.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    drip(plain, "x");
    const chunked = await open(edge);
    chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    drip(chunked, "1\r\nx\r\n");
    // 10,000 bytes a second: slow, and fast enough.
    const slow = await open(edge);
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
    drip(slow, "x".repeat(200));
    for (const client of [plain, chunked]) {
      const text = await client.closed();
      expect(statusOf(text)).toBe(408);
      expect(text).toContain('"request_timeout"');
    }
    await slow.until((text) => text.endsWith("ok"));
    expect(upstream.requests.map(({ body }) => body.length)).toEqual([20_000]);
  }, 60_000);

  test("a body is not cut for what its server does not take", async () => {
    const upstream = await startUpstream();
    const edge = await startEdge({ urls: [upstream.url], limits: { idleMs: 800 } });
    const bytes = 20_000_000;
    const client = await open(edge);
    upstream.onHead = (line, socket) => {
      if (!line.startsWith("POST")) return;
      socket.pause();
      setTimeout(() => socket.resume(), 400);
    };
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`);
    client.send("x".repeat(bytes));
    await client.until((text) => text.endsWith("ok"));
    expect(upstream.requests).toHaveLength(1);
  }, 60_000);

  test("a client that reads no answer is given no other, and holds up no more than that", async () => {
    let asked = 0;
    const body = "x".repeat(256 * 1024);
    const edge = await startPair(() => {
      asked++;
      return new Response(body);
    });
    const client = await open(edge);
    client.socket.pause();
    client.send(get.repeat(500));
    let before = -1;
    await eventually(async () => {
      const isSteady = asked > 0 && asked === before;
      before = asked;
      await Bun.sleep(300);
      return isSteady;
    }, "no further request sent on");
    // What the buffers of the two sockets take, and one more.
    expect(asked).toBeLessThan(100);
    client.socket.resume();
    await eventually(() => asked === 500, "the rest, once it reads");
  }, 60_000);

  test("a connection may rest so long, and a request take so long as a whole", async () => {
    const [edge, upstream] = await rawPair({ limits: { keepAliveMs: 100, wholeMs: 300 } });
    const resting = await open(edge);
    resting.send(get);
    await resting.until((text) => text.endsWith("ok"));
    await resting.closed();
    upstream.respond = (_, socket) => {
      const timer = setInterval(() => socket.write("1\r\nx\r\n"), 20);
      socket.on("close", () => clearInterval(timer));
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    };
    const endless = await open(edge);
    endless.send(get);
    expect(await endless.closed()).toContain("x\r\n");
  });

  test("a server that does not answer in time is a 504", async () => {
    const [edge, upstream] = await rawPair({ limits: { firstByteMs: 100, idleMs: 200 } });
    upstream.respond = () => undefined;
    const response = await fetch(edge.url, { method: "POST", body: "x" });
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ error: { code: "server_timeout" } });
    expect(upstream.requests).toHaveLength(1);
  });

  test("a reader that takes next to nothing is cut, and the server's work with it", async () => {
    const upstream = await startUpstream();
    upstream.respond = (_, socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
      const piece = Buffer.alloc(1_000_000);
      for (let count = 0; count < 100; count++) socket.write(piece);
      return undefined;
    };
    const edge = await startEdge({ urls: [upstream.url], limits: { idleMs: 300 } });
    const client = await open(edge);
    client.socket.pause();
    client.send(get);
    await eventually(
      () => upstream.requests.length === 1 && edge.pool.snapshot().servers[0]!.inFlight === 0,
      "the reader cut",
    );
    await eventually(() => [...upstream.sockets].length <= 1, "the server's connection closed");
  });

  test("one address has so many connections, and one more is told so", async () => {
    const [edge] = await rawPair({ environment: { EDGE_MAX_CONNECTIONS_PER_ADDRESS: "2" } });
    const first = await open(edge);
    await open(edge);
    const third = await open(edge);
    expect(statusOf(await third.closed())).toBe(429);
    first.close();
    await eventually(async () => {
      const next = await open(edge);
      next.send(get);
      return next
        .until((text) => text.endsWith("ok"))
        .then(
          () => true,
          () => false,
        );
    }, "room for another");
  });
});

describe("a loop", () => {
  test("a request that comes round again is refused", async () => {
    const [edge, upstream] = await rawPair();
    upstream.respond = ({ headers }) => {
      const via = headers.find(([name]) => name === "via")![1];
      return `HTTP/1.1 200 OK\r\nX-Via: ${via}\r\nContent-Length: 0\r\n\r\n`;
    };
    const first = await fetch(edge.url);
    const via = first.headers.get("x-via")!;
    const second = await fetch(edge.url, { headers: { via } });
    expect(second.status).toBe(508);
    expect((await fetch(edge.url, { headers: { via: "1.1 another" } })).status).toBe(200);
  });

  test("a list that names the door itself is refused at the start", async () => {
    const start = startTestEdge({
      urls: ["http://localhost:45671"],
      environment: { PORT: "45671" },
    });
    await expect(start).rejects.toThrow("this process itself");
  });
});
