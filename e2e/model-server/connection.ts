import type { Socket } from "bun";
import type { AnswerPlayer } from "./answer-player.ts";
import { HttpRequestParser } from "./http-request-parser.ts";

/** One client connection: reads requests, writes without ever losing what the kernel does not take. */
export class Connection {
  readonly parser = new HttpRequestParser();
  /** The answer that is being sent on it. */
  player: AnswerPlayer | undefined;
  readonly #socket: Socket<Connection>;
  readonly #unsent: Uint8Array[] = [];

  constructor(socket: Socket<Connection>) {
    this.#socket = socket;
    socket.setNoDelay(true);
  }

  write(bytes: Uint8Array): void {
    this.#unsent.push(bytes);
    if (this.#unsent.length === 1) this.flush();
  }

  respond(status: number, body: unknown): void {
    const text = JSON.stringify(body);
    const head = `HTTP/1.1 ${status} ${status === 200 ? "OK" : "Not OK"}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`;
    this.write(Buffer.from(head + text));
  }

  /** The kernel has room again. */
  flush(): void {
    for (let bytes = this.#unsent[0]; bytes; bytes = this.#unsent[0]) {
      const sent = Math.max(0, this.#socket.write(bytes));
      if (sent < bytes.length) {
        this.#unsent[0] = bytes.subarray(sent);
        return;
      }
      this.#unsent.shift();
    }
  }

  close(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.terminate();
  }
}
