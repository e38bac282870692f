import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  buildWeb,
  fail,
  findBun,
  installPackages,
  root,
  run,
  serverEnvironment,
} from "./set-up.mjs";

// npm run bench -- <name> [options]: runs bench/<name>/main.ts.
const [name = "", ...options] = process.argv.slice(2);
const main = join(root, "bench", name, "main.ts");
if (name === "" || name.includes("/") || !existsSync(main)) {
  const names = readdirSync(join(root, "bench")).filter((entry) =>
    existsSync(join(root, "bench", entry, "main.ts")),
  );
  fail(`npm run bench -- <name>, where <name> is one of: ${names.join(", ")}`);
}
installPackages();
const bun = findBun();
// Benches that start the server need what it serves.
buildWeb(bun);
run(bun, [main, ...options], { env: serverEnvironment });
