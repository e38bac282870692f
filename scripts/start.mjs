import { spawn } from "node:child_process";
import { join } from "node:path";
import { buildWeb, findBun, installPackages, root, serverEnvironment } from "./set-up.mjs";

installPackages();
const bun = findBun();
buildWeb(bun);

// With `--servers N` the front door runs, and starts the servers itself.
const args = process.argv.slice(2);
const app = args.includes("--servers") ? "edge" : "server";
const server = spawn(bun, [join(root, `apps/${app}/src/main.ts`), ...args], {
  cwd: root,
  env: serverEnvironment,
  stdio: "inherit",
});
// The terminal sends Ctrl-C to the server too; everybody else tells this process alone.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => server.kill("SIGTERM"));
process.on("SIGHUP", () => server.kill("SIGHUP"));
server.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
