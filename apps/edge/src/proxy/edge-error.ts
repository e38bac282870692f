/** Every answer that the door gives itself, with its status. */
const edgeErrors = {
  invalid_request: 400,
  request_timeout: 408,
  too_many_connections: 429,
  head_too_large: 431,
  bad_answer: 502,
  server_unreachable: 502,
  no_healthy_servers: 503,
  overloaded: 503,
  not_cached: 504,
  server_timeout: 504,
  loop_detected: 508,
} as const;

type EdgeErrorCode = keyof typeof edgeErrors;

/** A request that the door answers itself, in the same form as the servers' errors. */
export class EdgeError extends Error {
  override readonly name = "EdgeError";
  readonly code: EdgeErrorCode;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: EdgeErrorCode,
    message: string,
    options: { status?: number; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message);
    this.code = code;
    this.status = options.status ?? edgeErrors[code];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** The whole answer as it goes over the wire. */
  toMessage(isHead: boolean, keepsAlive: boolean): string {
    const body = JSON.stringify({ error: { code: this.code, message: this.message } });
    const retryAfter =
      this.retryAfterSeconds === undefined ? "" : `retry-after: ${this.retryAfterSeconds}\r\n`;
    // What is beyond ASCII in a message would make its bytes more than its characters.
    const text = body.replace(/[^\x20-\x7e]/g, "?");
    return `HTTP/1.1 ${this.status} ${reasons[this.status] ?? "Error"}\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\ncache-control: no-store\r\n${retryAfter}${keepsAlive ? "" : "connection: close\r\n"}\r\n${isHead ? "" : text}`;
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  508: "Loop Detected",
};
