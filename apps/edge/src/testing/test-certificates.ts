import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type TestCertificate = { readonly key: string; readonly cert: string };

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** An authority of a test's own, in a folder that `remove` takes away. */
export class TestAuthority {
  readonly #directory = mkdtempSync(join(tmpdir(), "peregrine-authority-"));

  constructor() {
    const subject = ["-subj", "/CN=authority", "-days", "2"];
    openssl(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      this.#path("ca.key"),
      "-out",
      this.path,
      ...subject,
    );
  }

  /** The file with its certificate. */
  get path(): string {
    return this.#path("ca.crt");
  }

  /** @param names as in `DNS:localhost,IP:127.0.0.1` @param days 0 for one that ends this second */
  issue(names: string, days = 2): TestCertificate {
    const key = this.#path("server.key");
    const request = this.#path("server.csr");
    const cert = this.#path("server.crt");
    const extensions = this.#path("server.ext");
    writeFileSync(extensions, `subjectAltName=${names}`);
    openssl("req", ...newKey, "-keyout", key, "-out", request, "-subj", "/CN=server");
    const authority = ["-CA", this.path, "-CAkey", this.#path("ca.key"), "-CAcreateserial"];
    const issued = ["-days", String(days), "-extfile", extensions, "-out", cert];
    openssl("x509", "-req", "-in", request, ...authority, ...issued);
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true });
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "ignore" });
}
