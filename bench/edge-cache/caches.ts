import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProxyCommand } from "../edge/proxies.ts";

/** The caches beside the door's, each with one worker or pool of threads, and its store in memory. */
export const caches: Record<string, ProxyCommand | undefined> = {
  /** Started as in the bench of proxying. */
  edge: undefined,
  nginx(upstream, port, directory) {
    const file = join(directory, "nginx.conf");
    writeFileSync(file, nginxConfig(upstream, port, directory));
    return ["nginx", "-p", directory, "-e", join(directory, "error.log"), "-c", file];
  },
  varnish(upstream, port, directory) {
    const file = join(directory, "default.vcl");
    const { hostname, port: upstreamPort } = new URL(upstream);
    const backend = `.host = "${hostname}"; .port = "${upstreamPort}";`;
    writeFileSync(file, `vcl 4.1;\nbackend default { ${backend} }\n`);
    return [
      ...["varnishd", "-F", "-j", "none", "-n", join(directory, "work"), "-f", file],
      ...["-a", `127.0.0.1:${port}`, "-s", "malloc,256m", "-p", "thread_pools=1"],
    ];
  },
};

/** Files that are open stay open, and the kernel sends them: what makes nginx fast here. */
function nginxConfig(upstream: string, port: number, directory: string): string {
  // Started as root it would give up its rights, and with them the folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `${user} worker_processes 1; daemon off; pid ${directory}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=600s;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
  proxy_cache_path ${directory}/cache levels=1:2 keys_zone=kept:8m max_size=256m inactive=600m;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${upstream};
      proxy_http_version 1.1;
      proxy_cache kept;
      proxy_cache_revalidate on;
      proxy_cache_lock on;
      proxy_cache_use_stale updating error timeout;
    }
  }
}
`;
}
