import { afterEach, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { RecordingUpstream } from "../testing/recording-upstream.ts";
import { eventually, KeptLog, startTestEdge } from "../testing/test-edge.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const directory = mkdtempSync(join(tmpdir(), "peregrine-tls-"));
const certificates = ["one", "two"].map((name) => {
  const [key, cert] = [join(directory, `${name}.key`), join(directory, `${name}.crt`)];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"].concat([
      "-keyout",
      key,
      "-out",
      cert,
      "-subj",
      `/CN=${name}`,
      "-days",
      "2",
    ]),
    { stdio: "ignore" },
  );
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
});
rmSync(directory, { recursive: true });

/** A connection that stays open, and says whose certificate it was shown. */
async function open(url: string) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  cleanUps.push(() => socket.destroy());
  await new Promise((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes;
  });
  return {
    name: String(socket.getPeerCertificate().subject.CN),
    async ask(): Promise<string> {
      text = "";
      socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await eventually(() => text.endsWith("ok"), "an answer");
      return text;
    },
  };
}

test("a certificate is renewed without a restart; files that do not fit change nothing", async () => {
  const files = mkdtempSync(join(tmpdir(), "peregrine-tls-"));
  cleanUps.push(() => rmSync(files, { recursive: true }));
  const [certPath, keyPath] = [join(files, "door.crt"), join(files, "door.key")];
  const [one, two] = certificates;
  writeFileSync(certPath, one!.cert);
  writeFileSync(keyPath, one!.key);
  const upstream = await RecordingUpstream.start();
  cleanUps.push(() => upstream.stop());
  const log = new KeptLog();
  const edge = await startTestEdge({
    urls: [upstream.url],
    environment: { EDGE_TLS_CERT: certPath, EDGE_TLS_KEY: keyPath },
    log,
  });
  cleanUps.push(() => edge.stop());
  const old = await open(edge.url);
  expect(old.name).toBe("one");
  expect(await old.ask()).toStartWith("HTTP/1.1 200");
  expect(upstream.requests[0]!.headers).toContainEqual(["x-forwarded-proto", "https"]);

  writeFileSync(certPath, two!.cert);
  await eventually(() => log.lines.some(({ level }) => level === "error"), "the error");
  expect((await open(edge.url)).name).toBe("one");

  writeFileSync(keyPath, two!.key);
  await eventually(
    () => log.lines.some(({ message }) => /new certificate/.test(message)),
    "renewal",
  );
  expect((await open(edge.url)).name).toBe("two");
  // Who was there before goes on undisturbed.
  expect(await old.ask()).toStartWith("HTTP/1.1 200");
});

test("large bodies pass both ways over TLS", async () => {
  const files = mkdtempSync(join(tmpdir(), "peregrine-tls-"));
  cleanUps.push(() => rmSync(files, { recursive: true }));
  const [certPath, keyPath] = [join(files, "door.crt"), join(files, "door.key")];
  writeFileSync(certPath, certificates[0]!.cert);
  writeFileSync(keyPath, certificates[0]!.key);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) =>
      request.url.endsWith("/ready")
        ? Response.json({ status: "ready" })
        : new Response(await request.arrayBuffer()),
  });
  cleanUps.push(() => server.stop(true));
  const edge = await startTestEdge({
    urls: [`http://127.0.0.1:${server.port}`],
    environment: { EDGE_TLS_CERT: certPath, EDGE_TLS_KEY: keyPath },
  });
  cleanUps.push(() => edge.stop());
  const body = crypto.getRandomValues(new Uint8Array(65_536));
  const large = new Uint8Array(8 * 1024 * 1024).map((_, index) => body[index % 65_521] ?? 0);
  const response = await fetch(edge.url, {
    method: "POST",
    body: large,
    tls: { rejectUnauthorized: false },
  });
  expect(Bun.hash(await response.arrayBuffer())).toBe(Bun.hash(large));
});

test("files that are not a certificate and its key stop the start", async () => {
  const files = mkdtempSync(join(tmpdir(), "peregrine-tls-"));
  cleanUps.push(() => rmSync(files, { recursive: true }));
  const [certPath, keyPath] = [join(files, "door.crt"), join(files, "door.key")];
  writeFileSync(certPath, certificates[0]!.cert);
  writeFileSync(keyPath, certificates[1]!.key);
  const start = () =>
    startTestEdge({
      urls: ["http://127.0.0.1:1"],
      environment: { EDGE_TLS_CERT: certPath, EDGE_TLS_KEY: keyPath },
    });
  await expect(start()).rejects.toThrow("The key in EDGE_TLS_KEY is not that of EDGE_TLS_CERT");
  writeFileSync(keyPath, "rubbish");
  await expect(start()).rejects.toThrow("must be a certificate and a key in PEM");
});
