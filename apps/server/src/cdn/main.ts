import { resolve } from "node:path";
import { CdnError } from "@peregrine/cdn";
import { ConfigError } from "@peregrine/settings";
import { processConfig } from "../config.ts";
import { openBucket } from "../files/open-delivery.ts";
import { syncAssets } from "./sync-assets.ts";

/*
 * `npm run peregrine -- cdn sync`: puts the web application's assets into the bucket from which a
 * CDN serves them. Ends with 0 when all are there.
 */
const usage = "usage: npm run peregrine -- cdn sync";

async function main(args: readonly string[]): Promise<void> {
  if (args.length !== 1 || args[0] !== "sync") throw new ConfigError(usage);
  const store = await openBucket(processConfig());
  if (!store) {
    throw new ConfigError(
      "S3_BUCKET: must be set, to say where the assets go. Without a bucket the server hands them out itself.",
    );
  }
  try {
    let stored = 0;
    let bytes = 0;
    await syncAssets({
      directory: resolve(import.meta.dirname, "../../../web/dist"),
      store,
      onProgress({ key, sizeBytes, isNew, done, total }) {
        if (isNew) {
          stored++;
          bytes += sizeBytes;
        }
        print(`${done}/${total}  ${isNew ? "stored " : "present"}  ${key}`);
      },
    });
    print(`${stored} assets stored, ${bytes} bytes`);
  } finally {
    store.close();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isExpected = error instanceof ConfigError || error instanceof CdnError;
  process.stderr.write(`${isExpected ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
