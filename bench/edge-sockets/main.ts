import { join } from "node:path";
import { parseArgs } from "node:util";
import { ServerProcess } from "../../apps/edge/src/fleet/server-process.ts";
import { startProxy } from "../edge/proxies.ts";
import { printMachine } from "../support/machine.ts";

/**
 * Many WebSockets through the front door to two servers: each sends numbered messages and has them
 * back, a server is killed, and its clients come back on the other and go on.
 */
const { values } = parseArgs({ options: { sockets: { type: "string", default: "9000" } } });
const count = Number(values.sockets);

printMachine(`npm run bench -- edge-sockets ${process.argv.slice(2).join(" ")}`);
const program = join(import.meta.dirname, "../../apps/edge/src/testing/fault-server.ts");
const servers = ["a", "b"].map(
  (name) =>
    new ServerProcess({
      command: [process.execPath, program, name],
      environment: process.env,
      onMessage: () => {},
    }),
);
const urls = await Promise.all(servers.map((server) => server.ready));
const door = await startProxy("edge", urls.join(","), 2, {
  EDGE_MAX_CONNECTIONS_PER_ADDRESS: "0",
  EDGE_MAX_CONNECTIONS: "100000",
});

let echoed = 0;
let outOfOrder = 0;
let closed = 0;
const open = new Set<WebSocket>();
let startedMs = performance.now();
for (let at = 0; at < count; at += 100) {
  for (let each = 0; each < 100; each++) connect();
  await until(() => open.size >= Math.min(count, at + 100));
}
console.log(`${open.size} open after ${seconds()} s, the door at ${await megabytes()} MB`);

startedMs = performance.now();
for (let message = 0; message < 5; message++) {
  for (const socket of open) socket.send(String(message));
  await until(() => echoed === open.size * (message + 1));
}
console.log(`${echoed} messages echoed after ${seconds()} s, ${outOfOrder} out of order`);

startedMs = performance.now();
await servers[0]?.stop(0);
await until(() => closed > 0 && open.size === count);
console.log(`${closed} lost their server and are back after ${seconds()} s`);

echoed = 0;
for (const socket of open) socket.send("again");
await until(() => echoed === count);
console.log(`${echoed} of ${count} echoed by the server that is left`);
await door.stop();
await servers[1]?.stop(0);
process.exit(0);

function connect(): void {
  const socket = new WebSocket(`${door.url.replace("http", "ws")}/socket`);
  let expected = 0;
  socket.onopen = () => open.add(socket);
  socket.onmessage = ({ data }) => {
    echoed++;
    if (data !== "again" && data !== String(expected++)) outOfOrder++;
  };
  socket.onclose = () => {
    if (open.delete(socket)) closed++;
    setTimeout(connect, 50 + Math.random() * 500);
  };
}

function seconds(): string {
  return ((performance.now() - startedMs) / 1000).toFixed(2);
}

async function megabytes(): Promise<string> {
  return ((await door.residentBytes()) / 2 ** 20).toFixed(0);
}

async function until(holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`${open.size} open, ${echoed} echoed`);
    await Bun.sleep(10);
  }
}
