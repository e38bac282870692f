import { limits } from "@peregrine/protocol";
import { ApiError } from "../http/api-error.ts";

/**
 * Characters that make a name look like another one: controls, and the marks and overrides that
 * turn the direction of text (a "gpj.exe" that is read as "exe.jpg").
 */
const misleading = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

/**
 * The name a file is shown and saved under. It is never a name in our own file system.
 *
 * @throws ApiError invalid_request for one that is empty, too long, a path, or misleading
 */
export function requireFileName(given: string): string {
  const name = given.trim().normalize("NFC");
  const problem =
    name === ""
      ? "is empty"
      : name.length > limits.fileNameLength
        ? `has ${name.length} characters, above ${limits.fileNameLength}`
        : /[/\\]/.test(name) || name === "." || name === ".."
          ? "is a path"
          : misleading.test(name) || !name.isWellFormed()
            ? "holds characters that are not shown, or that turn the direction of text"
            : undefined;
  if (problem === undefined) return name;
  throw new ApiError("invalid_request", `The name of the file ${problem}.`, { field: "file" });
}
