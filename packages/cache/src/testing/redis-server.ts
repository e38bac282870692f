import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@peregrine/process/testing";
import { createClient } from "redis";
import type { RedisTarget } from "../redis/redis-link.ts";
import { eventually } from "./eventually.ts";

export type RedisKind = "single" | "tls" | "cluster" | "sentinel";

/** A real Redis on a free port of the loopback, without persistence, that tests can mistreat. */
export class TestRedis {
  readonly kind: RedisKind;
  readonly port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), "cache-redis-"));
  #sentinelPort = 0;
  /** Between the nodes of a cluster; else Redis takes its port plus 10,000, which may be in use. */
  #busPort = 0;
  #sentinel: ChildProcess | undefined;
  #process: ChildProcess | undefined;

  private constructor(kind: RedisKind, port: number) {
    this.kind = kind;
    this.port = port;
  }

  static async start(kind: RedisKind = "single"): Promise<TestRedis> {
    const redis = new TestRedis(kind, await freePort());
    if (kind === "tls") redis.#makeCertificate();
    if (kind === "sentinel") redis.#sentinelPort = await freePort();
    if (kind === "cluster") redis.#busPort = await freePort();
    await redis.start();
    return redis;
  }

  get url(): string {
    return `${this.kind === "tls" ? "rediss" : "redis"}://127.0.0.1:${this.port}`;
  }

  /** What a cache is given to find it, by way of another port if there is a proxy. */
  target(port = this.port): RedisTarget {
    switch (this.kind) {
      case "single":
        return { kind: "single", url: `redis://127.0.0.1:${port}` };
      case "tls":
        return {
          kind: "single",
          url: `rediss://127.0.0.1:${port}`,
          tls: { ca: readFileSync(join(this.#directory, "cert.pem"), "utf8") },
        };
      case "cluster":
        return { kind: "cluster", urls: [this.url] };
      case "sentinel":
        return {
          kind: "sentinel",
          name: "main",
          sentinels: [{ host: "127.0.0.1", port: this.#sentinelPort }],
        };
    }
  }

  async start(): Promise<void> {
    const port = String(this.port);
    const listen =
      this.kind === "tls"
        ? [
            ...["--port", "0", "--tls-port", port, "--tls-auth-clients", "no"],
            ...["--tls-cert-file", join(this.#directory, "cert.pem")],
            ...["--tls-key-file", join(this.#directory, "key.pem")],
          ]
        : ["--port", port];
    this.#process = spawn(
      "redis-server",
      [
        ...[...listen, "--bind", "127.0.0.1", "--dir", this.#directory],
        ...["--save", "", "--appendonly", "no", "--daemonize", "no"],
        ...(this.kind === "cluster"
          ? ["--cluster-enabled", "yes", "--cluster-port", String(this.#busPort)]
          : []),
      ],
      { stdio: "ignore" },
    );
    await this.#until("answers", async () => (await this.command(["PING"])) === "PONG");
    if (this.kind === "cluster") await this.#beCluster();
    if (this.kind === "sentinel") await this.#startSentinel();
  }

  /** Ends it at once, with everything it holds. */
  async kill(): Promise<void> {
    for (const server of [this.#process, this.#sentinel]) {
      if (server === undefined || server.exitCode !== null || server.signalCode !== null) continue;
      server.kill("SIGKILL");
      await once(server, "exit");
    }
    this.#process = undefined;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Ends it for good. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** It accepts connections and says nothing. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** One command on a connection of its own. */
  async command(args: string[], port = this.port): Promise<unknown> {
    const tls = this.kind === "tls" && port === this.port;
    const client = createClient({
      url: `${tls ? "rediss" : "redis"}://127.0.0.1:${port}`,
      RESP: 2,
      socket: {
        connectTimeout: 500,
        reconnectStrategy: false,
        ...(tls ? { tls: true as const, rejectUnauthorized: false } : {}),
      },
    });
    client.on("error", () => {});
    try {
      await client.connect();
      return await client.sendCommand(args);
    } finally {
      if (client.isOpen) client.destroy();
    }
  }

  #makeCertificate(): void {
    const place = (name: string) => join(this.#directory, name);
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ...["-keyout", place("key.pem"), "-out", place("cert.pem"), "-days", "2"],
        ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
      ],
      { stdio: "ignore" },
    );
  }

  async #beCluster(): Promise<void> {
    // A node that was up before still knows its slots.
    await this.command(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).catch(() => {});
    await this.#until("is a cluster that is up", async () =>
      String(await this.command(["CLUSTER", "INFO"])).includes("cluster_state:ok"),
    );
  }

  async #startSentinel(): Promise<void> {
    const file = join(this.#directory, "sentinel.conf");
    writeFileSync(
      file,
      `port ${this.#sentinelPort}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 ${this.port} 1\n`,
    );
    this.#sentinel = spawn("redis-server", [file, "--sentinel"], { stdio: "ignore" });
    await this.#until("is watched by its sentinel", async () => {
      const master = await this.command(["SENTINEL", "MASTERS"], this.#sentinelPort);
      return JSON.stringify(master).includes("main");
    });
  }

  #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    return eventually(`redis on port ${this.port} ${what}`, () => condition().catch(() => false));
  }
}
