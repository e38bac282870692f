import { expect, test } from "bun:test";
import { previewOf } from "./preview.ts";

test("is the beginning on one line, without marks of Markdown", () => {
  expect(previewOf("## Title\n\n- **one** `code`\n- snake_case")).toBe("Title one code snake_case");
});

test("is bounded, and never ends in half a character", () => {
  expect(previewOf("x".repeat(500))).toHaveLength(120);
  for (let pad = 100; pad < 125; pad++) {
    const preview = previewOf("x".repeat(pad) + "😀".repeat(50));
    expect(preview.isWellFormed()).toBe(true);
    expect(preview).not.toContain("\uFFFD");
    expect(preview.length).toBeLessThanOrEqual(120);
  }
});
