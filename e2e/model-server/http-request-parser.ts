export type HttpRequest = {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
};

const maxBytes = 64 * 1024 * 1024;

/**
 * Reads HTTP/1.1 requests from a connection, one after another. Takes bodies with a Content-Length
 * and chunked ones, which is what clients of model servers send.
 */
export class HttpRequestParser {
  #buffer: Buffer = Buffer.alloc(0);

  /**
   * @returns the requests that these bytes complete
   * @throws Error for what is not HTTP
   */
  push(bytes: Uint8Array): HttpRequest[] {
    this.#buffer =
      this.#buffer.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#buffer, bytes]);
    if (this.#buffer.length > maxBytes) throw new Error("request too large");
    const requests: HttpRequest[] = [];
    for (let request = this.#take(); request; request = this.#take()) requests.push(request);
    return requests;
  }

  #take(): HttpRequest | undefined {
    const end = this.#buffer.indexOf("\r\n\r\n");
    if (end === -1) return undefined;
    const [first = "", ...lines] = this.#buffer.toString("latin1", 0, end).split("\r\n");
    const [, method, path] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(first) ?? [];
    if (!method || !path) throw new Error(`not HTTP: ${JSON.stringify(first.slice(0, 80))}`);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const body = this.#body(end + 4, headers);
    if (!body) return undefined;
    this.#buffer = this.#buffer.subarray(body.end);
    return { method, path, headers, body: body.text };
  }

  #body(start: number, headers: Record<string, string>): { text: string; end: number } | undefined {
    if (headers["transfer-encoding"] === "chunked") return this.#chunked(start);
    const end = start + Number(headers["content-length"] ?? 0);
    if (this.#buffer.length < end) return undefined;
    return { text: this.#buffer.toString("utf8", start, end), end };
  }

  #chunked(start: number): { text: string; end: number } | undefined {
    const chunks: Buffer[] = [];
    for (let at = start; ; ) {
      const line = this.#buffer.indexOf("\r\n", at);
      if (line === -1) return undefined;
      const size = Number.parseInt(this.#buffer.toString("latin1", at, line), 16);
      if (Number.isNaN(size)) throw new Error("not a chunk size");
      const end = line + 2 + size + 2;
      if (this.#buffer.length < end) return undefined;
      if (size === 0) return { text: Buffer.concat(chunks).toString("utf8"), end };
      chunks.push(this.#buffer.subarray(line + 2, line + 2 + size));
      at = end;
    }
  }
}
