import { spawn } from "node:child_process";
import { join } from "node:path";
import { buildWeb, fail, findBun, installPackages, root, serverEnvironment } from "./set-up.mjs";

/** The programs of the house, by the name they are run by: `npm run peregrine -- edge …`. */
const programs = {
  edge: ["apps/edge/src/main.ts"],
  cdn: ["apps/server/src/cdn/main.ts"],
  optimize: ["apps/server/src/cli.ts", "optimize"],
};

const [name = "", ...args] = process.argv.slice(2);
if (!Object.hasOwn(programs, name)) {
  const known = Object.keys(programs).join(", ");
  fail(`${JSON.stringify(name)} is no program of Peregrine; known are: ${known}`);
}
installPackages();
const bun = findBun();
if (name === "cdn") buildWeb(bun);
const [script, ...first] = programs[name];
const child = spawn(bun, [join(root, script), ...first, ...args], {
  cwd: root,
  env: serverEnvironment,
  stdio: "inherit",
});
// The terminal sends Ctrl-C to the child too; everybody else tells this process alone.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
process.on("SIGHUP", () => child.kill("SIGHUP"));
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
