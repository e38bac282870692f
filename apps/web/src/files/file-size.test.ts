import { expect, test } from "bun:test";
import { fileSize } from "./file-size.ts";

test.each([
  [0, "0 bytes"],
  [734, "734 bytes"],
  [1_000, "1.0 kB"],
  [45_678, "46 kB"],
  [1_240_000, "1.2 MB"],
  [2_147_483_648, "2.1 GB"],
  [5e12, "5000 GB"],
])("%d is %s", (bytes, text) => expect(fileSize(bytes)).toBe(text));
