import { spawn } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Runs the tests of this package on Node 24, whatever Node started this: the binary comes with the
 * development dependencies. Arguments choose test files by a part of their name.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const wanted = process.argv.slice(2);
const files = globSync("**/*.test.ts", { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .map((file) => join(root, file))
  .sort();
const run = spawn(node24(), ["--test", "--test-concurrency=1", "--no-warnings", ...files], {
  stdio: "inherit",
});
run.on("exit", (code) => {
  process.exitCode = code ?? 1;
});

function node24(): string {
  const packaged = `node-${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packaged}/package.json`);
    const binary = join(dirname(manifest), "bin", "node");
    if (existsSync(binary)) return binary;
  } catch {
    // No packaged binary for this platform: the one on the path has to be new enough, and says so.
  }
  return "node";
}
