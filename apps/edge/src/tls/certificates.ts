import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Log } from "@peregrine/process";
import type { Certificate } from "../proxy/front-door.ts";
import { readTexts, WatchedFiles } from "../servers/watched-files.ts";

/**
 * The certificate that the door shows, read again when its files change. Files that do not fit
 * together, as halfway through a renewal, change nothing.
 */
export class Certificates {
  readonly #files: WatchedFiles;
  #current: Certificate;

  private constructor(paths: readonly string[], texts: readonly string[], log: Log) {
    this.#current = checked(texts);
    this.#files = new WatchedFiles(
      paths,
      texts,
      (changed) => {
        this.#current = checked(changed);
        log.info({ validTo: validTo(this.#current) }, "a new certificate is in use");
      },
      (err) => log.error({ err }, "the certificate was not changed"),
    );
  }

  /** @throws Error where the files cannot be read, or hold no certificate and its key */
  static async open(certPath: string, keyPath: string, log: Log): Promise<Certificates> {
    const paths = [certPath, keyPath];
    return new Certificates(paths, await readTexts(paths), log);
  }

  get current(): Certificate {
    return this.#current;
  }

  /** What it is for, and when it ends. */
  get facts(): { readonly name: string; readonly notAfterMs: number } {
    const { subjectAltName, subject, validToDate } = new X509Certificate(this.#current.cert);
    return { name: nameOf(subjectAltName, subject), notAfterMs: validToDate.getTime() };
  }

  close(): void {
    this.#files.close();
  }
}

function checked([cert = "", key = ""]: readonly string[]): Certificate {
  let fits: boolean;
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new Error("EDGE_TLS_CERT and EDGE_TLS_KEY must be a certificate and a key in PEM", {
      cause,
    });
  }
  if (!fits) throw new Error("The key in EDGE_TLS_KEY is not that of EDGE_TLS_CERT");
  return { cert, key };
}

/** The first name that clients may ask for; of old, the subject's own. */
function nameOf(alternatives: string | undefined, subject: string): string {
  const first = alternatives?.split(",")[0]?.replace(/^[^:]*:/, "");
  return first ?? /^CN=(.*)$/m.exec(subject)?.[1] ?? "";
}

function validTo(certificate: Certificate): string {
  return new X509Certificate(certificate.cert).validTo;
}
