// Plain Node without dependencies: it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..");

/**
 * The environment of server processes. Bun's fetch lets 256 requests run at once and queues the rest
 * in silence, which would be 256 answers; it reads this before any of our code runs.
 */
export const serverEnvironment = { BUN_CONFIG_MAX_HTTP_REQUESTS: "20000", ...process.env };

/** Installs npm packages where the lock file is not what was last installed. */
export function installPackages() {
  const stamp = join(root, "node_modules/.peregrine-lock");
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.log("Installing packages …");
  // Not `npm ci`: it refuses a lock file without the optional binaries of every other platform,
  // and some registries do not have them all. This installs what is locked and leaves the file be.
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund"]);
  writeFileSync(stamp, wanted);
}

/**
 * The Bun that came from npm. Its install step links the binary for this machine; some package
 * managers skip install steps, so it is done again where the link is missing.
 */
export function findBun() {
  const directory = join(root, "node_modules/bun");
  const bun = join(directory, "bin/bun.exe");
  if (!works(bun)) run(process.execPath, ["install.js"], { cwd: directory });
  if (!works(bun))
    fail("Bun cannot run on this machine: it needs Linux, macOS or Windows on x64 or arm64.");
  return bun;
}

/** Builds and compresses the web application where its sources are newer than the build. */
export function buildWeb(bun) {
  const compressor = "scripts/compress-web.ts";
  const sources = ["apps/web", "packages/protocol", "package-lock.json", compressor].map((path) =>
    join(root, path),
  );
  const output = join(root, "apps/web/dist");
  // Written when the rest is: a build that was cut off is made again.
  const built = join(output, ".built");
  const builtMs = existsSync(built) ? statSync(built).mtimeMs : 0;
  if (Math.max(...sources.map(newestMs)) <= builtMs) return;
  console.log("Building the web application …");
  run(bun, ["--bun", join(root, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"], {
    cwd: join(root, "apps/web"),
  });
  run(bun, [join(root, compressor), output]);
  writeFileSync(built, "");
}

/** Runs a command to its end with our own output; ends this process where it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error) fail(`${command} could not be run: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

export function fail(message) {
  console.error(message);
  process.exit(1);
}

function works(bun) {
  return existsSync(bun) && spawnSync(bun, ["--version"]).status === 0;
}

function newestMs(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  let newest = 0;
  for (const name of readdirSync(path)) {
    if (name === "dist" || name === "node_modules") continue;
    newest = Math.max(newest, newestMs(join(path, name)));
  }
  return newest;
}
