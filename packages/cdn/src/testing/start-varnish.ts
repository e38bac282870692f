import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@peregrine/process/testing";

export type Varnish = { url: string; stop(): Promise<void> };

const readyWithinMs = 30_000;

/**
 * A real Varnish in front of a server on loopback, with the configuration that we give to
 * administrators.
 *
 * @param port where it listens; any free one without it
 */
export async function startVarnish(backendPort: number, port?: number): Promise<Varnish> {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-varnish-"));
  const given = readFileSync(join(import.meta.dirname, "../../../../deploy/varnish.vcl"), "utf8");
  const config = join(directory, "default.vcl");
  await Bun.write(config, given.replace('.port = "3000"', `.port = "${backendPort}"`));
  const address = `127.0.0.1:${port ?? (await freePort())}`;
  const varnish = Bun.spawn(
    [
      ...["varnishd", "-F", "-n", join(directory, "work"), "-f", config],
      ...["-a", address, "-s", "malloc,16m", "-j", "none"],
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const stop = async () => {
    varnish.kill("SIGTERM");
    await varnish.exited;
    rmSync(directory, { recursive: true, force: true });
  };
  const url = `http://${address}`;
  const deadline = Date.now() + readyWithinMs;
  while (!(await fetch(url).catch(() => null))) {
    if (varnish.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`varnishd: ${await new Response(varnish.stderr).text()}`);
    }
    await Bun.sleep(20);
  }
  return { url, stop };
}
