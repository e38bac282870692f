const previewLength = 120;

/** Marks of Markdown that would only be noise in a line of plain text. */
const marks = /^ {0,3}(#{1,6}|>|[-*+]|\d+\.) +|[*`~]+/gm;

/** The beginning of a text on one line, for the list of conversations. */
export function previewOf(text: string): string {
  // A prefix is enough: only what it begins with is shown, however long the text.
  const line = text
    .slice(0, previewLength * 4)
    .replace(marks, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length <= previewLength
    ? line
    : `${line
        .slice(0, previewLength - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, "")}…`;
}
