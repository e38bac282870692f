#!/usr/bin/env node
// Holds the budget of the first load: everything that index.html makes the browser fetch as script
// before anybody has clicked, gzipped. Run after the build; exits 1 above the budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 60_000;
const dist = new URL("../dist/", import.meta.url);

const html = readFileSync(new URL("index.html", dist), "utf8");
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const chunks = new Map(Object.values(manifest).map((chunk) => [chunk.file, chunk]));

/** The scripts the page names itself, and what those import without being asked. */
const files = new Set();
const add = (file) => {
  if (files.has(file)) return;
  files.add(file);
  for (const key of chunks.get(file)?.imports ?? []) add(manifest[key].file);
};
for (const [tag] of html.matchAll(/<(?:script|link)\b[^>]*>/g)) {
  const isScript = tag.startsWith("<script") || /rel="modulepreload"/.test(tag);
  const address = /(?:src|href)="\/([^"]+)"/.exec(tag)?.[1];
  if (isScript && address) add(address);
}
if (files.size === 0)
  throw new Error("index.html loads no script: build the web application first");

let total = 0;
for (const file of files) {
  const bytes = gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
  total += bytes;
  print(bytes, file);
}
const verdict = total > BUDGET_BYTES ? "too much" : "within the budget";
print(total, `first load, gzipped: ${verdict} of ${kilobytes(BUDGET_BYTES)}`);
process.exitCode = total > BUDGET_BYTES ? 1 : 0;

function print(bytes, what) {
  process.stdout.write(`${kilobytes(bytes).padStart(9)}  ${what}\n`);
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(2)} kB`;
}
