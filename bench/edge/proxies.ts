import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@peregrine/process/testing";

const root = join(import.meta.dirname, "../..");

/** A proxy that runs on a core of its own. */
export type RunningProxy = {
  readonly name: string;
  readonly url: string;
  /** CPU seconds that it has used, its children's included. */
  cpuSeconds(): Promise<number>;
  /** Resident memory of the process itself. */
  residentBytes(): Promise<number>;
  stop(): Promise<void>;
};

/** The command that runs a proxy, and how it is set up. */
export type ProxyCommand = (upstream: string, port: number, directory: string) => string[];

const commands: Record<string, ProxyCommand> = {
  edge: () => [process.execPath, join(root, "apps/edge/src/main.ts")],
  nginx(upstream, port, directory) {
    const file = join(directory, "nginx.conf");
    writeFileSync(file, nginxConfig(upstream, port, directory));
    return ["nginx", "-p", directory, "-e", join(directory, "error.log"), "-c", file];
  },
  haproxy(upstream, port, directory) {
    const file = join(directory, "haproxy.cfg");
    writeFileSync(file, haproxyConfig(upstream, port));
    return ["haproxy", "-db", "-f", file];
  },
  "@fastify/http-proxy": (upstream, port) => [
    "node",
    join(import.meta.dirname, "fastify-proxy.mjs"),
    upstream,
    String(port),
  ],
  "http-proxy-3": (upstream, port) => [
    "node",
    join(import.meta.dirname, "http-proxy-3.mjs"),
    upstream,
    String(port),
  ],
};

export const proxyNames = Object.keys(commands);

export async function startProxy(
  name: string,
  upstream: string,
  core: number,
  environment: Record<string, string> = {},
  command = commands[name],
): Promise<RunningProxy> {
  if (command === undefined) throw new Error(`${name} is none of ${proxyNames.join(", ")}`);
  const directory = mkdtempSync(join(tmpdir(), "peregrine-bench-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = Bun.spawn(["taskset", "-c", String(core), ...command(upstream, port, directory)], {
    cwd: root,
    env: {
      ...process.env,
      PORT: String(port),
      EDGE_SERVERS: upstream,
      EDGE_ADMIN_PORT: "0",
      LOG_LEVEL: "error",
      NODE_ENV: "production",
      ...environment,
    },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  await answers(url, name);
  return {
    name,
    url,
    async cpuSeconds() {
      const pids = [child.pid, ...(await childrenOf(child.pid))];
      const seconds = await Promise.all(pids.map(cpuSecondsOf));
      return seconds.reduce((sum, each) => sum + each, 0);
    },
    async residentBytes() {
      const status = await Bun.file(`/proc/${child.pid}/status`).text();
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
    },
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
      await child.exited;
      clearTimeout(timer);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** One worker, connections kept on both sides, no log, and the same headers as the others set. */
function nginxConfig(upstream: string, port: number, directory: string): string {
  return `worker_processes 1; daemon off; pid ${directory}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
  map $http_upgrade $connection_header { default upgrade; "" ""; }
  upstream servers { server ${new URL(upstream).host}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_header;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Request-ID $request_id;
    }
    location /events {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

function haproxyConfig(upstream: string, port: number): string {
  return `global
    nbthread 1
defaults
    mode http
    option http-keep-alive
    http-reuse always
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
frontend door
    bind 127.0.0.1:${port}
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Request-ID %[uuid]
    default_backend servers
backend servers
    server s ${new URL(upstream).host}
`;
}

async function answers(url: string, name: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return;
    await Bun.sleep(50);
  }
  throw new Error(`${name} does not answer at ${url}`);
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await Bun.file(`/proc/${pid}/task/${pid}/children`).text();
  return text.split(" ").filter(Boolean).map(Number);
}

async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await Bun.file(`/proc/${pid}/stat`).text();
  // utime and stime are the 12th and 13th after the name, in ticks of 10 ms.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
