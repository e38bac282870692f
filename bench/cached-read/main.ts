import { parseArgs } from "node:util";
import { register } from "../support/account.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { type Started, spawnBun, startServer } from "../support/processes.ts";

/**
 * What a read that the cache answers costs on its way through the API: the list of conversations,
 * beside a bare `Bun.serve` that sends the same bytes, uncompressed, with a content type and no
 * other header, in turns, in one run. Both count by requests for each second of CPU, which says
 * nearly the same on a busy machine as on an idle one. The first round warms up and is left out.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "32" },
  },
});
const roundMs = Number(values.seconds) * 1000;

printMachine(`npm run bench -- cached-read ${process.argv.slice(2).join(" ")}`);
const server = await startServer({ SHUTDOWN_TIMEOUT: "0" });
const account = await register(server.url);
for (let i = 0; i < 50; i++) await account.newConversation();
const path = "/api/v1/conversations";
// The same bytes: a client that says nothing would get them compressed.
const asked = { cookie: account.cookie, "accept-encoding": "identity" };
const sample = await fetch(server.url + path, { headers: asked });
const body = await sample.text();
const tag = sample.headers.get("etag") ?? "";
const bare = await spawnBun([
  "-e",
  `const body = new TextEncoder().encode(${JSON.stringify(body)});
   const headers = { "content-type": "application/json;charset=utf-8" };
   const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(body, { headers }) });
   console.log(String(server.url));`,
]);

const ratios = { read: [] as number[], unchanged: [] as number[] };
console.log(`${body.length} bytes, ${values.connections} connections`);
console.log("requests for each CPU second    bare   cached read   ratio      304   ratio");
for (let round = 0; round <= Number(values.rounds); round++) {
  const plain = await run(bare, bare.url, asked);
  const read = await run(server, server.url + path, asked);
  const unchanged = await run(server, server.url + path, { ...asked, "if-none-match": tag });
  if (round > 0) {
    ratios.read.push(read / plain);
    ratios.unchanged.push(unchanged / plain);
  }
  const figures = [plain, read].map((figure) => figure.toFixed(0).padStart(12));
  console.log(
    `${round === 0 ? "warming" : `round ${round}`}                ${figures.join("  ")}  ${(read / plain).toFixed(2).padStart(6)}${unchanged.toFixed(0).padStart(9)}  ${(unchanged / plain).toFixed(2).padStart(6)}`,
  );
}
console.log(
  `\nmedian ratio: read ${percentile(ratios.read, 0.5).toFixed(2)}, 304 ${percentile(ratios.unchanged, 0.5).toFixed(2)}`,
);
await server.stop();
await bare.stop();
process.exit(0);

/** @returns requests for each second of the server's CPU. */
async function run(target: Started, url: string, headers: Record<string, string>): Promise<number> {
  const endMs = performance.now() + roundMs;
  const before = await target.cpuSeconds();
  let requests = 0;
  await Promise.all(
    Array.from({ length: Number(values.connections) }, async () => {
      while (performance.now() < endMs) {
        const response = await fetch(url, { headers });
        await response.arrayBuffer();
        requests++;
      }
    }),
  );
  return requests / ((await target.cpuSeconds()) - before);
}
