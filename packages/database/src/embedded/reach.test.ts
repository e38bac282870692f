import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBarrier } from "./reach.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "peregrine-reach-"));
  chmodSync(root, 0o755);
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

const stranger = { uid: 54_321, gid: 54_321 };

test("names the directory that an account may not pass", () => {
  mkdirSync(join(root, "home/project"), { recursive: true });
  expect(findBarrier(join(root, "home/project"), stranger)).toBeNull();
  chmodSync(join(root, "home"), 0o700);
  expect(findBarrier(join(root, "home/project"), stranger)).toBe(join(root, "home"));
  const { uid, gid } = statSync(root);
  expect(findBarrier(join(root, "home/project"), { uid, gid })).toBeNull();
});

test("goes by the group where it is the account's", () => {
  chmodSync(root, 0o710);
  const { gid } = statSync(root);
  expect(findBarrier(root, { uid: stranger.uid, gid })).toBeNull();
  expect(findBarrier(root, stranger)).toBe(root);
});

test("follows links to where they lead", () => {
  mkdirSync(join(root, "closed/inside"), { recursive: true });
  symlinkSync(join(root, "closed/inside"), join(root, "link"));
  chmodSync(join(root, "closed"), 0o700);
  expect(findBarrier(join(root, "link"), stranger)).toBe(join(root, "closed"));
});
