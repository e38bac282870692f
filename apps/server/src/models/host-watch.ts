/** How long a host may take to accept a connection; its kernel is asked at once, after 1 s and after 3 s. */
const acceptMs = 4000;

/**
 * Tells a model server that thinks for long from one whose host is gone. From neither anything comes,
 * but the first one's kernel accepts connections, however busy the server is.
 */
export class HostWatch {
  readonly #hostname: string;
  readonly #port: number;
  #asking: Promise<boolean> | undefined;

  constructor(url: string) {
    const { hostname, port, protocol } = new URL(url);
    this.#hostname = hostname.replace(/^\[|\]$/g, "");
    this.#port = Number(port) || (protocol === "https:" ? 443 : 80);
  }

  /**
   * Asks again and again whether the host is there, and calls `onGone` once it is not.
   *
   * @param everyMs Infinity for not at all
   * @returns ends the watch
   */
  watch(everyMs: number, onGone: () => void): () => void {
    if (everyMs === Number.POSITIVE_INFINITY) return () => {};
    let isOver = false;
    const ask = async () => {
      if ((await this.#accepts()) || isOver) return;
      end();
      onGone();
    };
    const timer = setInterval(() => void ask(), everyMs);
    const end = () => {
      isOver = true;
      clearInterval(timer);
    };
    return end;
  }

  /** One connection answers all who want to know. Never rejects. */
  #accepts(): Promise<boolean> {
    this.#asking ??= this.#connect().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  #connect(): Promise<boolean> {
    const accepted = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => accepted.resolve(false), acceptMs);
    Bun.connect({
      hostname: this.#hostname,
      port: this.#port,
      socket: {
        open(socket) {
          accepted.resolve(true);
          socket.end();
        },
        data() {},
      },
    }).catch(() => accepted.resolve(false));
    return accepted.promise.finally(() => clearTimeout(timer));
  }
}
