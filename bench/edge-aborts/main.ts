import { join } from "node:path";
import { parseArgs } from "node:util";
import { startProxy } from "../edge/proxies.ts";
import { printMachine } from "../support/machine.ts";

/**
 * Whether clients that leave in the middle of a stream cost the front door anything that stays:
 * opens streams, leaves after the first event, and reads the door's connections and memory as it
 * goes.
 */
const { values } = parseArgs({
  options: { aborts: { type: "string", default: "100000" }, at: { type: "string", default: "50" } },
});
const aborts = Number(values.aborts);
const atOnce = Number(values.at);
const steps = 10;

printMachine(`npm run bench -- edge-aborts ${process.argv.slice(2).join(" ")}`);
const upstream = Bun.spawn([process.execPath, join(import.meta.dirname, "../edge/upstream.ts")], {
  stdout: "pipe",
  stderr: "inherit",
});
const { value } = await upstream.stdout.getReader().read();
const server = new TextDecoder().decode(value).trim();
const door = await startProxy("edge", server, 2);

console.log("streams left    resident MB    open to the server");
const megabytes: number[] = [];
for (let step = 0; step <= steps; step++) {
  if (step > 0)
    await Promise.all(Array.from({ length: atOnce }, () => leave(aborts / steps / atOnce)));
  await Bun.sleep(500);
  megabytes.push((await door.residentBytes()) / 2 ** 20);
  const open = await openConnections(Number(new URL(server).port));
  const left = Math.round((aborts / steps) * step);
  console.log(
    `${String(left).padStart(12)} ${megabytes.at(-1)?.toFixed(1).padStart(14)} ${String(open).padStart(21)}`,
  );
}
const mean = (samples: number[]) => samples.reduce((a, b) => a + b, 0) / samples.length;
const half = megabytes.slice(1, 1 + steps / 2);
const rest = megabytes.slice(1 + steps / 2);
console.log(`\nsecond half over first half: ${(mean(rest) / mean(half)).toFixed(3)}`);
await door.stop();
upstream.kill();
process.exit(0);

/** Opens a stream and leaves it, one after another. */
async function leave(times: number): Promise<void> {
  const { hostname, port } = new URL(door.url);
  for (let count = 0; count < times; count++) {
    const left = Promise.withResolvers<void>();
    await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => void socket.write("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"),
        data(socket, bytes) {
          if (bytes.includes("data:")) socket.terminate();
        },
        close: () => left.resolve(),
      },
    });
    await left.promise;
  }
}

/** Connections to the server that are open, by the kernel's own list. */
async function openConnections(port: number): Promise<number> {
  const lines = (await Bun.file("/proc/net/tcp").text()).split("\n").slice(1);
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  // 01 is ESTABLISHED.
  return lines.filter((line) => {
    const [, , to = "", state] = line.trim().split(/\s+/);
    return to.endsWith(remote) && state === "01";
  }).length;
}
