import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fail, run } from "./set-up.mjs";

/** What the tests start beside what npm brings: the program, and the Debian package it is in. */
const programs = [
  { path: "/usr/bin/chromium", package: "chromium" },
  { path: "/usr/bin/redis-server", package: "redis-server" },
  { path: "/usr/lib/postgresql/15/bin/postgres", package: "postgresql-15" },
  {
    path: "/usr/share/postgresql/15/extension/hypopg.control",
    package: "postgresql-15-hypopg",
  },
  { path: "/usr/sbin/haproxy", package: "haproxy" },
  { path: "/usr/bin/openssl", package: "openssl" },
  { path: "/usr/bin/radosgw", package: "radosgw" },
  { path: "/usr/bin/ceph-mon", package: "ceph-mon" },
  { path: "/usr/bin/ceph-osd", package: "ceph-osd" },
  { path: "/usr/sbin/varnishd", package: "varnish" },
  { path: "/usr/bin/prometheus", package: "prometheus" },
  { path: "/usr/bin/prometheus-alertmanager", package: "prometheus-alertmanager" },
  { path: "/usr/lib/postgresql/15/bin/postgres", package: "postgresql-15" },
  { path: "/usr/sbin/pgbouncer", package: "pgbouncer" },
];

/** Installs what is missing on Debian as root; elsewhere says what to install, and ends. */
export function installSystemPackages() {
  const missing = programs.filter((program) => !existsSync(program.path)).map((p) => p.package);
  if (missing.length === 0) return;
  const canInstall = process.getuid?.() === 0 && spawnSync("apt-get", ["--version"]).status === 0;
  if (!canInstall) fail(`The tests need these Debian packages: ${missing.join(" ")}`);
  console.log(`Installing ${missing.join(" ")} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "-qq"], { env });
  // Some of them would start as a service; tests start their own.
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], { env });
}
