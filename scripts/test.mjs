import { join } from "node:path";
import { buildWeb, findBun, installPackages, root, run } from "./set-up.mjs";
import { installSystemPackages } from "./system-packages.mjs";

installPackages();
const bun = findBun();
installSystemPackages();
buildWeb(bun);
run(bun, [join(root, "scripts/run-tests.ts"), ...process.argv.slice(2)]);
