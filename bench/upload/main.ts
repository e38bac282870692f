import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import type { FileBody, UploadBody } from "@peregrine/protocol";
import { register } from "../support/account.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { startServer } from "../support/processes.ts";

/**
 * What the upload of a large file takes of the server: its memory, and what others feel of it
 * meanwhile. The same bytes go in one request, and then in parts, into the local store.
 */
const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "2048" },
    atOnce: { type: "string", default: "3" },
  },
});
const sizeBytes = Number(values.megabytes) * 1024 * 1024;
const sampleEveryMs = 50;

printMachine(`npm run bench -- upload ${process.argv.slice(2).join(" ")}`);
const server = await startServer({
  MAX_UPLOAD_BYTES: String(sizeBytes),
  LOG_LEVEL: "info",
  METRICS_PORT: "0",
});
const { cookie } = await register(server.url);
/** Repeated to make the file; each way begins with other bytes, so that nothing is known already. */
const block = crypto.getRandomValues(new Uint8Array(65_536));

console.log(
  `${values.megabytes} MB    seconds   MB/s   memory before   at most   others wait p50 / p99 / max, ms`,
);
await measure("one request", inOneRequest);
await measure("parts", inParts);
await server.stop();
process.exit(0);

async function measure(name: string, upload: () => Promise<void>): Promise<void> {
  await Bun.sleep(2000);
  const before = await server.residentBytes();
  let most = before;
  const waits: number[] = [];
  let isDone = false;
  const watch = (async () => {
    while (!isDone) {
      const startedMs = performance.now();
      await (await fetch(`${server.url}/api/v1/me`, { headers: { cookie } })).text();
      waits.push(performance.now() - startedMs);
      most = Math.max(most, await server.residentBytes());
      await Bun.sleep(sampleEveryMs);
    }
  })();
  const startedMs = performance.now();
  await upload();
  const seconds = (performance.now() - startedMs) / 1000;
  isDone = true;
  await watch;
  const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
  const wait = [0.5, 0.99, 1].map((fraction) => percentile(waits, fraction).toFixed(1)).join(" / ");
  console.log(
    `${name.padEnd(12)} ${seconds.toFixed(1).padStart(7)} ${(sizeBytes / 2 ** 20 / seconds).toFixed(0).padStart(6)} ${megabytes(before).padStart(15)} ${megabytes(most).padStart(9)}   ${wait}`,
  );
}

async function inOneRequest(): Promise<void> {
  const head = `--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n`;
  const tail = "\r\n--x--\r\n";
  async function* body() {
    yield new TextEncoder().encode(head);
    yield* bytesOf(1, sizeBytes);
    yield new TextEncoder().encode(tail);
  }
  const response = await fetch(`${server.url}/api/v1/files`, {
    method: "POST",
    headers: { cookie, "content-type": "multipart/form-data; boundary=x" },
    body: new Response(body() as unknown as ReadableStream).body,
  });
  if (response.status !== 201) throw new Error(await response.text());
  const { file } = (await response.json()) as FileBody;
  if (file.sizeBytes !== sizeBytes) throw new Error(`${file.sizeBytes} bytes came`);
}

async function inParts(): Promise<void> {
  const headers = { cookie, "content-type": "application/json" };
  const post = (path: string, body: object) =>
    fetch(`${server.url}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const begun = await post("/uploads", { name: "b.bin", sizeBytes });
  const { upload } = (await begun.json()) as UploadBody;
  const path = `/api/v1/uploads/${upload.id}`;
  const count = Math.ceil(sizeBytes / upload.partBytes);
  let next = 1;
  const work = async () => {
    for (let number = next++; number <= count; number = next++) {
      const length = Math.min(upload.partBytes, sizeBytes - (number - 1) * upload.partBytes);
      const body = Buffer.concat([...bytesOf(number + 1, length)]);
      const digest = createHash("sha256").update(body).digest("base64");
      const sent = await fetch(`${server.url}${path}/parts/${number}`, {
        method: "PUT",
        headers: { cookie, "content-digest": `sha-256=:${digest}:` },
        body,
      });
      if (sent.status !== 204) throw new Error(await sent.text());
    }
  };
  await Promise.all(Array.from({ length: Number(values.atOnce) }, work));
  for (;;) {
    const response = await fetch(`${server.url}${path}/complete`, {
      method: "POST",
      headers: { cookie },
    });
    if (response.status === 201) return;
    if (response.status !== 202) throw new Error(await response.text());
    await Bun.sleep(1000);
  }
}

/** Blocks that make up so many bytes; the first of them is like no other. */
function* bytesOf(first: number, length: number): Generator<Uint8Array<ArrayBuffer>> {
  const start = Uint8Array.from(block);
  new DataView(start.buffer).setUint32(0, first);
  for (let sent = 0; sent < length; ) {
    const source = sent === 0 ? start : block;
    const piece = source.subarray(0, Math.min(source.length, length - sent));
    sent += piece.length;
    yield piece;
  }
}
