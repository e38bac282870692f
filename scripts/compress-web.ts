import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/**
 * Writes the compressed forms of a built web application beside its files: `x.js.br`, `x.js.zst`
 * and `x.js.gz`, each at its highest level. Files that are compressed in themselves, and forms that
 * save less than a tenth, are left out.
 */
const directory = process.argv[2];
if (directory === undefined) throw new Error("usage: compress-web.ts <build output>");

const compressible = /\.(js|css|html|svg|json|map|txt|webmanifest|xml)$/;
const forms: Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array> = {
  ".br": (bytes) =>
    brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
      },
    }),
  ".zst": (bytes) => Bun.zstdCompressSync(bytes, { level: 22 }),
  ".gz": (bytes) => gzipSync(bytes, { level: 9 }),
};

const entries = await readdir(directory, { recursive: true, withFileTypes: true });
for (const entry of entries) {
  if (!entry.isFile() || !compressible.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const bytes = await Bun.file(path).bytes();
  for (const [suffix, compress] of Object.entries(forms)) {
    const compressed = compress(bytes);
    if (compressed.byteLength <= bytes.byteLength * 0.9) await Bun.write(path + suffix, compressed);
  }
}
