/** What `Connection` says, in lower case: `close`, `keep-alive`, `upgrade`, and names of headers. */
export function connectionOptions(value: string): string[] {
  return value
    .toLowerCase()
    .split(",")
    .map((option) => option.trim())
    .filter((option) => option !== "");
}

/** Header lines without those that `Connection` names, which are for this connection alone. */
export function withoutNominated(lines: string, options: readonly string[]): string {
  const nominated = options.filter((option) => !known.has(option));
  if (nominated.length === 0) return lines;
  return lines
    .split(/(?<=\r\n)/)
    .filter((line) => !nominated.includes(line.slice(0, line.indexOf(":")).toLowerCase()))
    .join("");
}

const known = new Set(["close", "keep-alive", "upgrade", "te"]);
