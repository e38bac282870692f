import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Network } from "@peregrine/e2e/network";
import { ServerProcess } from "../fleet/server-process.ts";
import { RemoteClient } from "./remote-client.ts";
import { RunningProgram } from "./running-program.ts";

export type ServerName = "a" | "b" | "c";
const serverNames: readonly ServerName[] = ["a", "b", "c"];
const port = "3000";
const adminPort = "3001";
const token = "a token";

/** The front door, three servers and a client, each a process on a host of its own. */
export class NetworkScene {
  readonly network: Network<ServerName | "door" | "client">;
  readonly client: RemoteClient;
  readonly url: string;
  readonly #door: RunningProgram;
  readonly #servers = new Map<ServerName, ServerProcess>();
  readonly #directory = mkdtempSync(join(tmpdir(), "peregrine-network-"));
  readonly #writes = join(this.#directory, "writes");

  private constructor(
    network: Network<ServerName | "door" | "client">,
    environment: Record<string, string>,
  ) {
    const { door, client } = network.hosts;
    this.network = network;
    this.client = new RemoteClient(client);
    this.url = `http://${door.address}:${port}`;
    writeFileSync(this.#writes, "");
    const servers = serverNames.map((name) => this.urlOf(name)).join(",");
    this.#door = new RunningProgram(
      ["--servers", servers],
      {
        HOST: door.address,
        PORT: port,
        EDGE_ADMIN_HOST: door.address,
        EDGE_ADMIN_PORT: adminPort,
        EDGE_ADMIN_TOKEN: token,
        LOG_LEVEL: "info",
        SHUTDOWN_TIMEOUT: "0",
        ...environment,
      },
      door,
    );
  }

  /** Resolves when all of it is there. @param environment the door's settings */
  static async open(environment: Record<string, string>): Promise<NetworkScene> {
    const network = await Network.create("door", "client", ...serverNames);
    const scene = new NetworkScene(network, environment);
    try {
      await Promise.all(serverNames.map((name) => scene.startServer(name)));
      await scene.#door.ready();
    } catch (error) {
      await scene.close();
      throw error;
    }
    return scene;
  }

  /** Ends the server as a power cut does: nobody is told. What was open to it is dead. */
  async restartHost(name: ServerName): Promise<void> {
    await this.network.hosts[name].restart();
    await this.#servers.get(name)?.stop(0);
    await this.startServer(name);
  }

  async startServer(name: ServerName): Promise<void> {
    const host = this.network.hosts[name];
    const main = join(import.meta.dirname, "fault-server.ts");
    const server = new ServerProcess({
      command: host.command([process.execPath, main, name, this.#writes]),
      environment: { ...process.env, HOST: host.address, PORT: port },
      onMessage: () => {},
    });
    this.#servers.set(name, server);
    await server.ready;
  }

  urlOf(name: ServerName): string {
    return `http://${this.network.hosts[name].address}:${port}`;
  }

  /** What the door thinks of a server. */
  async state(name: ServerName): Promise<string | undefined> {
    const { text } = await this.client.ask({
      url: `http://${this.network.hosts.door.address}:${adminPort}/edge/servers`,
      headers: { authorization: `Bearer ${token}` },
    });
    const { servers } = JSON.parse(text) as { servers: { url: string; state: string }[] };
    return servers.find(({ url }) => url === this.urlOf(name))?.state;
  }

  /** Files that the door has open, its connections among them. */
  get openFiles(): number {
    return readdirSync(`/proc/${this.#door.pid}/fd`).length;
  }

  /** What the servers were given to write, in the order they did. */
  get writes(): readonly string[] {
    return readFileSync(this.#writes, "utf8").split("\n").slice(0, -1);
  }

  async close(): Promise<void> {
    const stops = [...this.#servers.values()].map((server) => server.stop(0));
    await Promise.all([...stops, this.client.stop(), this.#door.stop()]);
    await this.network.close();
    rmSync(this.#directory, { recursive: true });
  }
}
