import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import type { Edge } from "./edge.ts";
import { RawClient, statusOf } from "./testing/raw-client.ts";
import { RecordingUpstream } from "./testing/recording-upstream.ts";
import { eventually, startTestEdge } from "./testing/test-edge.ts";

let upstream: RecordingUpstream;
let edge: Edge;

beforeAll(async () => {
  upstream = await RecordingUpstream.start();
  edge = await startTestEdge({ urls: [upstream.url], limits: { headerMs: 300 } });
});

afterAll(async () => {
  await edge.stop();
  await upstream.stop();
});

beforeEach(() => {
  upstream.requests.length = 0;
  upstream.bytes = "";
});

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n";

/** Sends bytes on a connection of their own and returns all that came back until it was closed. */
async function send(...parts: string[]): Promise<string> {
  const client = await RawClient.connect(edge.url);
  for (const part of parts) {
    client.send(part);
    // So that the door sees them one by one.
    if (parts.length > 1) await Bun.sleep(5);
  }
  return client.closed();
}

/** Each is refused, and nothing of it reaches a server. */
const refused: Record<string, [request: string, status?: number]> = {
  "Content-Length and Transfer-Encoding": [
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  "Transfer-Encoding and Content-Length": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 44\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  "two Transfer-Encodings": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  "two equal Transfer-Encodings": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  "a Transfer-Encoding that is not known": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
    501,
  ],
  "chunked not last": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    501,
  ],
  "chunked after another coding": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
  ],
  "chunked in quotes": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
    501,
  ],
  "Transfer-Encoding after a vertical tab": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n`,
  ],
  "Transfer-Encoding with a space before the colon": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  "Transfer-Encoding in HTTP/1.0": [
    `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  "an empty Transfer-Encoding": [`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n`, 501],
  "two Content-Lengths": [
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n${smuggled}`,
  ],
  "two equal Content-Lengths": [
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi`,
  ],
  "a list of Content-Lengths": [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nhi`],
  "Content-Length with a plus": [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nhi`],
  "a negative Content-Length": [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\nhi`],
  "a hexadecimal Content-Length": [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\nhi`],
  "an empty Content-Length": [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n`],
  "a Content-Length beyond counting": [
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551618\r\n\r\nhi`,
  ],
  "Content-Length with a dot": [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2.0\r\n\r\nhi`],
  "a folded header": [`GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n b\r\n\r\n`],
  "a folded Transfer-Encoding": [
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
  ],
  "a first header that begins with a space": [`GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n`],
  "bare line feeds": [`GET / HTTP/1.1\nHost: a\n\n`],
  "a bare line feed between headers": [`GET / HTTP/1.1\r\nHost: a\nX-A: 1\r\n\r\n`],
  "a bare line feed that hides Transfer-Encoding": [
    `POST / HTTP/1.1\r\nHost: a\r\nX-A: 1\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  "a bare carriage return between headers": [
    `GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\rTransfer-Encoding: chunked\r\n\r\n`,
  ],
  "two carriage returns": [`GET / HTTP/1.1\r\nHost: a\r\r\n\r\n`],
  "NUL in a value": [`GET / HTTP/1.1\r\nHost: a\r\nX-A: a\0b\r\n\r\n`],
  "NUL in a name": [`GET / HTTP/1.1\r\nHost: a\r\nX\0A: b\r\n\r\n`],
  "NUL in the target": [`GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n`],
  "a space in a header's name": [`GET / HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n`],
  "a space before a header's colon": [`GET / HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n`],
  "a header without a name": [`GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n`],
  "a header without a colon": [`GET / HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n`],
  "a header's name beyond ASCII": [`GET / HTTP/1.1\r\nHost: a\r\nX-\xe4: b\r\n\r\n`],
  "no Host": [`GET / HTTP/1.1\r\n\r\n`],
  "two Hosts": [`GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`],
  "an absolute target and two Hosts": [`GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`],
  "an empty Host": [`GET / HTTP/1.1\r\nHost:\r\n\r\n`],
  "a Host with a path": [`GET / HTTP/1.1\r\nHost: a/b\r\n\r\n`],
  "a Host with a user": [`GET / HTTP/1.1\r\nHost: u@a\r\n\r\n`],
  "an absolute target with a user": [`GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n`],
  "another scheme": [`GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n`],
  "a target without a slash": [`GET a HTTP/1.1\r\nHost: a\r\n\r\n`],
  "a target with a space": [`GET /a b HTTP/1.1\r\nHost: a\r\n\r\n`],
  "a target with a fragment": [`GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n`],
  "two spaces after the method": [`GET  / HTTP/1.1\r\nHost: a\r\n\r\n`],
  "a tab after the method": [`GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n`],
  "a space after the version": [`GET / HTTP/1.1 \r\nHost: a\r\n\r\n`],
  "HTTP/0.9": [`GET /\r\n\r\n`],
  "HTTP/1.2": [`GET / HTTP/1.2\r\nHost: a\r\n\r\n`, 505],
  "HTTP/2": [`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, 505],
  "a version in small letters": [`GET / http/1.1\r\nHost: a\r\n\r\n`],
  "a version from far away": [`GET / HTTP/11.1\r\nHost: a\r\n\r\n`],
  "a method with a colon": [`GET: / HTTP/1.1\r\nHost: a\r\n\r\n`],
  CONNECT: [`CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n`, 405],
  TRACE: [`TRACE / HTTP/1.1\r\nHost: a\r\n\r\n`, 405],
  "an expectation that is not known": [`GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n`, 417],
  "a head over the limit": [`GET / HTTP/1.1\r\nHost: a\r\nX-A: ${"b".repeat(40_000)}\r\n\r\n`, 431],
  "bytes of TLS": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
  "half a head": ["GET / HTTP/1.1\r\nHost: a\r\nX-A", 408],
};

describe("is refused, and no server hears of it", () => {
  for (const [name, [request, status = 400]] of Object.entries(refused)) {
    test(name, async () => {
      const text = await send(request);
      expect(statusOf(text)).toBe(status);
      expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
      expect(text.toLowerCase()).toContain("connection: close");
      expect(upstream.requests).toEqual([]);
    });
  }
});

/** The head is good, and the body turns out not to be: at most the head was passed on. */
const brokenBodies: Record<string, string> = {
  "a chunk size that is no number": `x\r\n${smuggled}`,
  "a chunk size with a sign": "+2\r\nhi\r\n0\r\n\r\n",
  "a chunk size with 0x": "0x2\r\nhi\r\n0\r\n\r\n",
  "a chunk size with a space before it": " 2\r\nhi\r\n0\r\n\r\n",
  "a chunk size with a space after it": "2 \r\nhi\r\n0\r\n\r\n",
  "a chunk size with an underscore": "1_0\r\nhi\r\n0\r\n\r\n",
  "a chunk size beyond counting": "10000000000000002\r\nhi\r\n0\r\n\r\n",
  "an empty chunk size": "\r\nhi\r\n0\r\n\r\n",
  "a chunk size ended by a line feed": "2\nhi\r\n0\r\n\r\n",
  "a chunk's extension ended by a line feed": `2;a\nhi\r\n0\r\n\r\n${smuggled}`,
  "a chunk's extension with a bare carriage return": "2;a\rb\r\nhi\r\n0\r\n\r\n",
  "a chunk's extension without end": `2;${"a".repeat(5000)}\r\nhi\r\n0\r\n\r\n`,
  "a chunk longer than its size": `2\r\nhii\r\n0\r\n\r\n${smuggled}`,
  "a chunk ended by two letters": `2\r\nhiXX0\r\n\r\n${smuggled}`,
  "a chunk ended by a line feed": "2\r\nhi\n0\r\n\r\n",
  "a last chunk ended by a line feed": `0\n\n${smuggled}`,
  "a trailer with NUL": "0\r\nX-A: \0\r\n\r\n",
  "a trailer ended by a line feed": "0\r\nX-A: 1\n\r\n",
};

describe("a broken body ends the connection, and nothing behind it is a request", () => {
  for (const [name, body] of Object.entries(brokenBodies)) {
    for (const inOne of [true, false]) {
      test(`${name}${inOne ? "" : ", byte by byte"}`, async () => {
        const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        const text = await (inOne
          ? send(head + body)
          : send(head, ...body.slice(0, 60), body.slice(60)));
        expect(text === "" || statusOf(text) === 400).toBe(true);
        expect(text.match(/HTTP\/1\.1 \d/g)?.length ?? 0).toBeLessThanOrEqual(1);
        expect(upstream.requests).toEqual([]);
        expect(upstream.bytes).not.toContain("smuggled");
      });
    }
  }
});

/** Unusual, and yet one request with one meaning. */
const passed: Record<string, [request: string, line: string, body?: string]> = {
  "GET with a body": [
    `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    "GET / HTTP/1.1",
    smuggled,
  ],
  "chunked GET": [
    `GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    "GET / HTTP/1.1",
    "hi",
  ],
  "chunked DELETE": [
    `DELETE /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    "DELETE /x HTTP/1.1",
    smuggled,
  ],
  "DELETE with a body": [
    `DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`,
    "DELETE /x HTTP/1.1",
    "hi",
  ],
  "OPTIONS with an asterisk": ["OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1"],
  "an absolute target": [
    "GET http://other.example/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /x?y HTTP/1.1",
  ],
  "an absolute target without a path": [
    "GET http://other.example?y HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /?y HTTP/1.1",
  ],
  "chunk extensions and trailers": [
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nhi\r\n0;c\r\nContent-Length: 9\r\nX-A: b\r\n\r\n",
    "POST / HTTP/1.1",
    "hi",
  ],
  "large chunk sizes with zeros before them": [
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0002\r\nhi\r\n000\r\n\r\n",
    "POST / HTTP/1.1",
    "hi",
  ],
  "empty lines before a request": ["\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1"],
  "an upgrade to HTTP/2": [
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    "GET / HTTP/1.1",
  ],
  "bytes beyond ASCII in a value": [
    "GET / HTTP/1.1\r\nHost: a\r\nX-A: \xe4\xff\r\n\r\n",
    "GET / HTTP/1.1",
  ],
};

describe("is passed on as exactly one request", () => {
  for (const [name, [request, line, body = ""]] of Object.entries(passed)) {
    for (const inOne of [true, false]) {
      test(`${name}${inOne ? "" : ", byte by byte"}`, async () => {
        const client = await RawClient.connect(edge.url);
        if (inOne) client.send(request);
        else {
          client.socket.setNoDelay(true);
          for (const byte of request) client.send(byte);
        }
        const text = await client.until((came) => came.endsWith("ok"));
        client.close();
        expect(statusOf(text)).toBe(200);
        expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
        expect(upstream.requests.map(({ line, body }) => ({ line, body }))).toEqual([
          { line, body },
        ]);
        const names = upstream.requests[0]!.headers.map(([header]) => header);
        for (const gone of ["upgrade", "http2-settings", "trailer", "te", "connection"]) {
          expect(names).not.toContain(gone);
        }
        expect(new Set(names).size).toBe(names.length);
      });
    }
  }
});

test("an absolute target's host counts instead of Host", async () => {
  const client = await RawClient.connect(edge.url);
  client.send("GET http://other.example/ HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.endsWith("ok"));
  client.close();
  expect(upstream.requests[0]!.headers).toContainEqual(["host", "other.example"]);
});

test("requests in one piece are answered in order, each on its own", async () => {
  const client = await RawClient.connect(edge.url);
  upstream.respond = ({ line }) =>
    `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${line.slice(5, 7)}`;
  client.send(
    "POST /p1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /p2 HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  const text = await client.until((came) => came.endsWith("p2"));
  client.close();
  upstream.respond = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  expect(text.match(/\r\n\r\n(..)/g)).toEqual(["\r\n\r\n/p", "\r\n\r\np2"]);
  expect(upstream.requests.map((request) => request.body)).toEqual(["abc", ""]);
});

describe("an upgrade is one only after a 101", () => {
  const upgrade =
    "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

  test("bytes sent along wait for it, and are the next request where it does not come", async () => {
    const client = await RawClient.connect(edge.url);
    upstream.respond = ({ line }) =>
      line.includes("/socket")
        ? "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno"
        : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    client.send(upgrade + smuggled);
    const text = await client.until((came) => came.endsWith("ok"));
    client.close();
    expect(statusOf(text)).toBe(426);
    // Read, checked and forwarded by the door like any other request.
    expect(upstream.requests.map(({ line }) => line)).toEqual([
      "GET /socket HTTP/1.1",
      "GET /smuggled HTTP/1.1",
    ]);
    expect(upstream.requests[1]!.headers.map(([name]) => name)).toContain("x-forwarded-for");
  });

  test("a 101 that nobody asked for is a bad answer", async () => {
    const client = await RawClient.connect(edge.url);
    upstream.respond = () =>
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    expect(statusOf(await client.until((came) => came.includes("\r\n\r\n")))).toBe(502);
    client.close();
  });

  test("a 101 to another protocol is a bad answer", async () => {
    const client = await RawClient.connect(edge.url);
    upstream.respond = () =>
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    client.send(upgrade);
    expect(statusOf(await client.until((came) => came.includes("\r\n\r\n")))).toBe(502);
    client.close();
  });
});

describe("an answer that is not exactly one answer reaches no one else", () => {
  const bad: Record<string, string> = {
    "Content-Length and Transfer-Encoding":
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two Content-Lengths": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    "a folded header": "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok",
    "a bare carriage return": "HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\nContent-Length: 2\r\n\r\nok",
    "a coding that is not known": "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
    "no HTTP": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a status of four digits": "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/2": "HTTP/2 200\r\nContent-Length: 2\r\n\r\nok",
  };
  for (const [name, answer] of Object.entries(bad)) {
    test(name, async () => {
      upstream.respond = () => answer;
      const client = await RawClient.connect(edge.url);
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
      const text = await client.until((came) => came.includes("\r\n\r\n"));
      client.close();
      expect(statusOf(text)).toBe(502);
      expect(upstream.requests).toHaveLength(1);
    });
  }

  /** The connections that requests came on; those for /second must not be those of /first. */
  function answering(first: string, late: string): Set<Socket> {
    const sockets = new Set<Socket>();
    upstream.respond = ({ line }, socket) => {
      sockets.add(socket);
      if (line.includes("/second")) return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n2!";
      if (late !== "") setTimeout(() => socket.write(late), 5);
      return first;
    };
    return sockets;
  }

  /** The second time once the connection to the server is thrown away. */
  async function askTwice(sockets: Set<Socket>): Promise<string> {
    const client = await RawClient.connect(edge.url);
    client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until((text) => text.endsWith("1!"));
    await eventually(() => [...sockets].every((socket) => socket.closed), "it to be closed");
    client.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
    const text = await client.until((came) => came.split("HTTP/1.1").length === 3);
    client.close();
    return text;
  }

  const first = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1!";
  const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

  test("a second answer behind the first is thrown away with its connection", async () => {
    const sockets = answering(first + poison, "");
    expect(await askTwice(sockets)).toEndWith("2!");
    expect(sockets.size).toBe(2);
  });

  test("an answer that comes before any request is thrown away with its connection", async () => {
    const sockets = answering(first, poison);
    expect(await askTwice(sockets)).toEndWith("2!");
    expect(sockets.size).toBe(2);
  });
});
