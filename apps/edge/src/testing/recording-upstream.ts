import { createServer, type Server, type Socket } from "node:net";

/** A request as it came over the wire, cut up by rules of its own. */
export type RecordedRequest = {
  readonly line: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
};

export type Respond = (request: RecordedRequest, socket: Socket) => string | undefined;

/**
 * A server that keeps each byte it is sent and reads requests out of them by a reading of HTTP that
 * shares no code with the door. `GET /ready` is answered and not kept.
 */
export class RecordingUpstream {
  readonly requests: RecordedRequest[] = [];
  readonly sockets = new Set<Socket>();
  /** What is sent for a request; nothing where it returns nothing. */
  respond: Respond = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  /** Told of each head as soon as it is there, with its body still to come. */
  onHead: (head: string, socket: Socket) => void = () => {};
  /** All bytes of requests that were not for /ready. */
  bytes = "";
  accepted = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => {
      this.accepted++;
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
      socket.on("error", () => {});
      let held = "";
      socket.on("data", (bytes) => {
        held = this.#read(held + bytes.toString("latin1"), socket);
      });
    });
  }

  static async start(): Promise<RecordingUpstream> {
    const upstream = new RecordingUpstream();
    await new Promise<void>((resolve) => upstream.#server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** @returns what is left over */
  #read(text: string, socket: Socket): string {
    let held = text;
    for (;;) {
      const end = held.indexOf("\r\n\r\n");
      if (end < 0) return held;
      const [line = "", ...rest] = held.slice(0, end).split("\r\n");
      const headers = rest.map((header) => {
        const at = header.indexOf(":");
        return [header.slice(0, at).toLowerCase(), header.slice(at + 1).trim()] as const;
      });
      if (!heads.has(socket)) this.onHead(line, socket);
      heads.add(socket);
      const body = readBody(held.slice(end + 4), headers);
      if (body === undefined) return held;
      heads.delete(socket);
      const size = end + 4 + body.size;
      if (line === "GET /ready HTTP/1.1") {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"status":"ready"}');
      } else {
        this.bytes += held.slice(0, size);
        const request = { line, headers, body: body.text };
        this.requests.push(request);
        const answer = this.respond(request, socket);
        if (answer !== undefined) socket.write(answer, "latin1");
      }
      held = held.slice(size);
    }
  }
}

/** Connections on which a head has come whose body is still on its way. */
const heads = new WeakSet<Socket>();

function readBody(
  text: string,
  headers: readonly (readonly [string, string])[],
): { text: string; size: number } | undefined {
  const find = (name: string) => headers.find((header) => header[0] === name)?.[1];
  if (find("transfer-encoding") === undefined) {
    const size = Number(find("content-length") ?? 0);
    return text.length < size ? undefined : { text: text.slice(0, size), size };
  }
  let body = "";
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (text.length < end) return undefined;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = end;
    if (size === 0) return { text: body, size: at };
  }
}
