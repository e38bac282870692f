import type { Socket } from "bun";

/** What came of one request. */
export type Answer = {
  /** 0 where the connection ended before the answer did. */
  status: number;
  /** Whether its last piece holds what was to be in it. */
  isWhole: boolean;
  /** Until all of it had come. */
  tookMs: number;
};

type Exchange = { end: string; sentMs: number; onAnswer: (answer: Answer) => void };

/** Enough for the end of a chunked body and the last event of an answer. */
const tailBytes = 256;
/** After the one before it: no body here is without any. */
const lastChunk = "\r\n0\r\n\r\n";

/**
 * A connection that is kept alive and carries one request at a time, made before as bytes. Of the
 * answer it reads the status and where it ends and nothing else, so that hundreds of thousands of
 * answers a second can be taken in on one core. A connection that ends is made again.
 */
export class RawConnection {
  readonly #hostname: string;
  readonly #port: number;
  readonly #onFree: (connection: RawConnection) => void;
  #socket: Socket | undefined;
  #exchange: Exchange | undefined;
  #status = 0;
  /** Of the body; -1 for a chunked one. */
  #bytesLeft = 0;
  /** Of the head, until it is whole; after that the last bytes of a body. */
  #text = "";
  #isClosed = false;

  /** @param onFree called when it can take a request, the first time included */
  constructor(url: string, onFree: (connection: RawConnection) => void) {
    const { hostname, port } = new URL(url);
    this.#hostname = hostname;
    this.#port = Number(port);
    this.#onFree = onFree;
  }

  /** @throws Error if nobody listens there */
  async open(): Promise<void> {
    await Bun.connect({
      hostname: this.#hostname,
      port: this.#port,
      socket: {
        open: (socket) => {
          this.#socket = socket;
        },
        data: (_, bytes) => this.#read(bytes),
        close: () => this.#ended(),
        error: () => {
          // The close that follows says the same.
        },
      },
    });
    this.#onFree(this);
  }

  /** @param end what the last piece of a whole answer has in it */
  send(request: Uint8Array, end: string, onAnswer: (answer: Answer) => void): void {
    this.#exchange = { end, sentMs: performance.now(), onAnswer };
    this.#status = 0;
    this.#text = "";
    // A request is far smaller than what a socket takes at once.
    if (this.#socket?.write(request) !== request.byteLength) this.#socket?.terminate();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.terminate();
  }

  #read(bytes: Buffer): void {
    if (this.#status !== 0) {
      this.#readBody(bytes.toString("latin1"), bytes.byteLength);
      return;
    }
    this.#text += bytes.toString("latin1");
    const headEnd = this.#text.indexOf("\r\n\r\n");
    if (headEnd === -1) return;
    const head = this.#text.slice(0, headEnd).toLowerCase();
    const body = this.#text.slice(headEnd + 4);
    this.#status = Number(head.slice(9, 12));
    const lengthAt = head.indexOf("\r\ncontent-length: ");
    this.#bytesLeft = lengthAt === -1 ? -1 : Number.parseInt(head.slice(lengthAt + 18), 10);
    this.#text = "";
    this.#readBody(body, body.length);
  }

  #readBody(piece: string, byteLength: number): void {
    this.#text = (this.#text + piece).slice(-tailBytes);
    if (this.#bytesLeft === -1) {
      if (this.#text.endsWith(lastChunk)) this.#answered();
      return;
    }
    this.#bytesLeft -= byteLength;
    if (this.#bytesLeft <= 0) this.#answered();
  }

  #answered(): void {
    const exchange = this.#exchange;
    if (!exchange) return;
    this.#exchange = undefined;
    const isWhole = this.#text.includes(exchange.end);
    exchange.onAnswer({
      status: this.#status,
      isWhole,
      tookMs: performance.now() - exchange.sentMs,
    });
    this.#onFree(this);
  }

  #ended(): void {
    this.#socket = undefined;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.onAnswer({
      status: 0,
      isWhole: false,
      tookMs: performance.now() - exchange.sentMs,
    });
    if (this.#isClosed) return;
    this.open().catch(() => {
      // The server is gone or takes no connection: the others find out the same.
    });
  }
}
