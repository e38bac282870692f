import { join } from "node:path";
import { findBun, installPackages, root, run } from "./set-up.mjs";

installPackages();
run(findBun(), [join(root, "scripts/generate-docs.ts")]);
