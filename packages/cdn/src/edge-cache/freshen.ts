import { eachField, fieldsOf, type HeaderLines, keepLines } from "./header-lines.ts";

/** What says how the body that is kept is to be read, whatever a 304 says of it. */
const ofTheBody = new Set(["content-encoding", "content-length", "content-range"]);

/**
 * The stored header lines brought up to date by those of a 304 (RFC 9111 3.2): a field that it names
 * takes the place of all lines of that name.
 */
export function freshenedLines(stored: HeaderLines, fresh: HeaderLines): HeaderLines {
  const renewed = keepLines(fresh, (name) => !ofTheBody.has(name));
  const names = new Set(fieldsOf(renewed).keys());
  return keepLines(stored, (name) => !names.has(name)) + renewed;
}

/** What is said of one exchange and would be wrong of the next; Age is counted anew. */
const ofTheExchange = new Set(["age", "server-timing", "x-request-id"]);

/** What an answer is kept with: with a date, and without what is of this exchange alone. */
export function storedLines(lines: HeaderLines, answeredAtMs: number): HeaderLines {
  let kept = "";
  let hasDate = false;
  eachField(lines, (name, _, line) => {
    if (name === "date") hasDate = true;
    if (!ofTheExchange.has(name)) kept += line;
  });
  // RFC 9110 6.6.1: whoever keeps an answer without a date says when it came.
  return hasDate ? kept : `${kept}date: ${new Date(answeredAtMs).toUTCString()}\r\n`;
}
