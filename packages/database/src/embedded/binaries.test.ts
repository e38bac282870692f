import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareBinaries } from "./binaries.ts";

let root: string;
let native: string;
let shared: string;
const stranger = { uid: 54_321, gid: 54_321 };

/** A package as npm unpacks it when no script may run: no links, and no bits of executables. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "peregrine-binaries-"));
  chmodSync(root, 0o755);
  shared = join(root, "shared");
  native = join(root, "home/package/native");
  for (const folder of ["bin", "lib"]) mkdirSync(join(native, folder), { recursive: true });
  for (const file of ["bin/initdb", "bin/postgres", "lib/libpq.so.5.18"]) {
    writeFileSync(join(native, file), "", { mode: 0o644 });
  }
  writeFileSync(join(native, "../package.json"), JSON.stringify({ version: "18.4.0-beta.17" }));
  const link = { source: "native/lib/libpq.so.5.18", target: "native/lib/libpq.so.5" };
  writeFileSync(join(native, "pg-symlinks.json"), JSON.stringify([link]));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

test("mends links and bits where the package lies", () => {
  expect(prepareBinaries(native, null, shared)).toEqual({
    initdb: join(native, "bin/initdb"),
    postgres: join(native, "bin/postgres"),
    major: "18",
  });
  expect(readlinkSync(join(native, "lib/libpq.so.5"))).toBe("libpq.so.5.18");
  expect(statSync(join(native, "bin/postgres")).mode & 0o111).toBe(0o111);
  expect(existsSync(shared)).toBe(false);
  prepareBinaries(native, null, shared);
});

test("copies, once and for all to read, what the account cannot get at", () => {
  chmodSync(join(native, "lib/libpq.so.5.18"), 0o600);
  chmodSync(join(native, "lib"), 0o700);
  chmodSync(join(root, "home"), 0o700);
  const { postgres } = prepareBinaries(native, stranger, shared);
  expect(postgres).toBe(join(shared, "postgres-18.4.0-beta.17/bin/postgres"));
  expect(statSync(postgres).mode & 0o111).toBe(0o111);
  expect(readlinkSync(join(shared, "postgres-18.4.0-beta.17/lib/libpq.so.5"))).toBe(
    "libpq.so.5.18",
  );
  const lib = join(shared, "postgres-18.4.0-beta.17/lib");
  expect(statSync(lib).mode & 0o777).toBe(0o755);
  expect(statSync(join(lib, "libpq.so.5")).mode & 0o777).toBe(0o644);
  const made = statSync(postgres).ino;
  prepareBinaries(native, stranger, shared);
  expect(statSync(postgres).ino).toBe(made);
  expect(readdirSync(shared)).toEqual(["postgres-18.4.0-beta.17"]);
});

test("says what is wrong where neither is possible", () => {
  chmodSync(join(root, "home"), 0o700);
  writeFileSync(shared, "a file where a directory is wanted");
  expect(() => prepareBinaries(native, stranger, shared)).toThrow("cannot be used where it is");
});
