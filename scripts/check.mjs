import { join } from "node:path";
import { buildWeb, findBun, installPackages, root, run } from "./set-up.mjs";

const bin = (name) => join(root, "node_modules/.bin", name);

installPackages();
const bun = findBun();

console.log("Types");
run(bin("tsc"), ["--noEmit", "-p", "."]);
console.log("Lint, format and the walls of the house");
run(bin("biome"), ["check", "--error-on-warnings", "."]);
console.log("Unused files, exports and dependencies");
run(bun, ["--bun", bin("knip")]);
console.log("Generated documents");
run(bun, [join(root, "scripts/generate-docs.ts"), "--check"]);
console.log("Size of the web application");
buildWeb(bun);
run(process.execPath, [join(root, "apps/web/scripts/check-size.mjs")]);
