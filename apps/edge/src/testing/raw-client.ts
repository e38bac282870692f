import { connect, type Socket } from "node:net";

const withinMs = 50_000;

/** A client that sends bytes as they are, and keeps what comes back. */
export class RawClient {
  readonly socket: Socket;
  #text = "";
  #isClosed = false;
  #changed = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => {
      this.#text += bytes.toString("latin1");
      this.#tell();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#isClosed = true;
      this.#tell();
    });
  }

  static async connect(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new RawClient(socket);
  }

  get text(): string {
    return this.#text;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Waits until what has come satisfies; throws where it does not within 50 s. */
  async until(isEnough: (text: string) => boolean): Promise<string> {
    const deadlineMs = performance.now() + withinMs;
    while (!isEnough(this.#text)) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || this.#isClosed) {
        throw new Error(`waited in vain; came: ${JSON.stringify(this.#text.slice(0, 2000))}`);
      }
      await Promise.race([this.#changed.promise, Bun.sleep(leftMs)]);
    }
    return this.#text;
  }

  /** Waits until the connection is closed; throws where it stays open for 50 s. */
  async closed(): Promise<string> {
    const deadlineMs = performance.now() + withinMs;
    while (!this.#isClosed) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Error(`still open; came: ${JSON.stringify(this.#text)}`);
      await Promise.race([this.#changed.promise, Bun.sleep(leftMs)]);
    }
    return this.#text;
  }

  close(): void {
    this.socket.destroy();
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}

/** The status of the first answer. */
export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
}
