import { connect } from "node:tls";

/** A certificate that people are shown. */
export type WatchedCertificate = {
  /** Host, and port where it is not 443. */
  name: string;
  /** When it ends; null until it could be read once. */
  notAfterMs: number | null;
  /** Why it could not be read the last time. */
  error: string | null;
};

type Options = {
  /** Addresses that people open; those that are not https are left out. */
  urls: readonly (string | undefined)[];
  onError: (error: unknown, name: string) => void;
  everyMs?: number;
  readNotAfter?: (host: string, port: number) => Promise<number>;
};

const hourMs = 3_600_000;
const retryMs = 60_000;
const connectMs = 10_000;

/**
 * Looks once an hour at the certificates under which this installation is reached, as browsers do:
 * by connecting. So it does not matter who renews them, or which proxy in front has them.
 */
export class Certificates {
  readonly #options: Options;
  readonly #watched: { certificate: WatchedCertificate; host: string; port: number }[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: Options) {
    this.#options = options;
    const addresses = new Map<string, URL>();
    for (const url of options.urls) {
      if (url?.startsWith("https:")) addresses.set(new URL(url).host, new URL(url));
    }
    this.#watched = [...addresses].map(([name, { hostname, port }]) => ({
      certificate: { name, notAfterMs: null, error: null },
      // An IPv6 address stands in brackets in a URL, and without them elsewhere.
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || 443),
    }));
    if (this.#watched.length > 0) this.#look();
  }

  get all(): readonly WatchedCertificate[] {
    return this.#watched.map(({ certificate }) => certificate);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #look(): void {
    const { everyMs = hourMs } = this.#options;
    this.#looking = this.#readAll().then((areRead) => {
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => this.#look(), areRead ? everyMs : Math.min(retryMs, everyMs));
      this.#timer.unref?.();
    });
  }

  /** Whether all could be read. */
  async #readAll(): Promise<boolean> {
    const { readNotAfter = notAfterOf, onError } = this.#options;
    const results = await Promise.all(
      this.#watched.map(async ({ certificate, host, port }) => {
        try {
          certificate.notAfterMs = await readNotAfter(host, port);
          certificate.error = null;
          return true;
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          if (certificate.error !== message) onError(error, certificate.name);
          certificate.error = message;
          return false;
        }
      }),
    );
    return results.every(Boolean);
  }
}

/** When the certificate ends that a server shows, also one that nobody should trust. */
function notAfterOf(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    // Only its end is read, and nothing is sent: whether it is trusted is for browsers to say.
    const socket = connect({ host, port, servername: serverName(host), rejectUnauthorized: false });
    socket.setTimeout(connectMs, () => socket.destroy(new Error("it did not answer within 10 s")));
    socket.once("secureConnect", () => {
      const endsMs = Date.parse(socket.getPeerCertificate().valid_to ?? "");
      socket.destroy();
      if (Number.isNaN(endsMs)) reject(new Error("it shows no certificate"));
      else resolve(endsMs);
    });
    socket.once("error", reject);
  });
}

/** Names only: TLS has no server name for addresses. */
function serverName(host: string): string {
  return /^[\d.]+$|:/.test(host) ? "" : host;
}
