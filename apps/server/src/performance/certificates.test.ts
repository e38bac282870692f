import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../testing/test-server.ts";
import { Certificates } from "./certificates.ts";

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

/** A server with a certificate of its own that ends in so many days. */
async function httpsServer(days: number) {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-certificate-"));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const made = Bun.spawnSync([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ...["-nodes", "-keyout", key, "-out", cert, "-days", String(days), "-subj", "/CN=localhost"],
  ]);
  expect(made.exitCode).toBe(0);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { key: Bun.file(key), cert: Bun.file(cert) },
    fetch: () => new Response("hello"),
  });
  releases.push(
    () => server.stop(true),
    () => rmSync(directory, { recursive: true }),
  );
  return `https://127.0.0.1:${server.port}`;
}

function watch(urls: (string | undefined)[], everyMs = 3_600_000) {
  const errors: string[] = [];
  const certificates = new Certificates({
    urls,
    everyMs,
    onError: (error, name) => errors.push(`${name}: ${(error as Error).message}`),
  });
  releases.push(() => certificates.stop());
  return { certificates, errors };
}

test("the end of a real server's certificate is read, though nobody trusts it", async () => {
  const url = await httpsServer(10);
  const { certificates } = watch([url, undefined, "http://example.org", `${url}/files`]);
  await until(() => certificates.all[0]?.notAfterMs, "the certificate");
  expect(certificates.all).toHaveLength(1);
  const [certificate] = certificates.all;
  expect(certificate?.name).toBe(new URL(url).host);
  const days = ((certificate?.notAfterMs ?? 0) - Date.now()) / 86_400_000;
  expect(days).toBeWithin(9.9, 10.1);
});

test("one that cannot be read is said to be unknown, and is told once", async () => {
  const gone = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = gone;
  await gone.stop(true);
  const { certificates, errors } = watch([`https://127.0.0.1:${port}`], 20);
  await until(() => certificates.all[0]?.error, "the error");
  await Bun.sleep(100);
  expect(certificates.all[0]).toMatchObject({ notAfterMs: null });
  expect(errors).toHaveLength(1);
});

test("a certificate that was read is still known when its server is away", async () => {
  let isAway = false;
  const certificates = new Certificates({
    urls: ["https://[::1]:8443"],
    everyMs: 5,
    onError: () => {},
    readNotAfter: async (host, port) => {
      if (isAway) throw new Error("away");
      expect([host, port]).toEqual(["::1", 8443]);
      return 1_900_000_000_000;
    },
  });
  releases.push(() => certificates.stop());
  await until(() => certificates.all[0]?.notAfterMs, "the certificate");
  isAway = true;
  await until(() => certificates.all[0]?.error, "the error");
  expect(certificates.all[0]).toEqual({
    name: "[::1]:8443",
    notAfterMs: 1_900_000_000_000,
    error: "away",
  });
});
