import { spawn } from "node:child_process";
import { join } from "node:path";
import { buildWeb, findBun, installPackages, root, serverEnvironment } from "./set-up.mjs";

installPackages();
const bun = findBun();
buildWeb(bun);

const server = spawn(bun, [join(root, "apps/server/src/main.ts"), ...process.argv.slice(2)], {
  cwd: root,
  env: serverEnvironment,
  stdio: "inherit",
});
// The terminal sends Ctrl-C to the server too; everybody else tells this process alone.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => server.kill("SIGTERM"));
server.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
