/**
 * Header lines as they go over the wire: latin1 text, each line with its CRLF, checked by whoever read
 * them. Kept as one text, so that passing them on costs nothing.
 */
export type HeaderLines = string;

/** Calls for each line with its name in lower case and its value without the blanks around it. */
export function eachField(
  lines: HeaderLines,
  tell: (name: string, value: string, line: string) => void,
): void {
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf("\r\n", at);
    const colon = lines.indexOf(":", at);
    const name = lines.slice(at, colon).toLowerCase();
    tell(name, lines.slice(colon + 1, end).trim(), lines.slice(at, end + 2));
    at = end + 2;
  }
}

/** All fields by their names in lower case; what is given on several lines is joined by commas. */
export function fieldsOf(lines: HeaderLines): Map<string, string> {
  const fields = new Map<string, string>();
  eachField(lines, (name, value) => {
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  });
  return fields;
}

/** The lines whose names are wanted. */
export function keepLines(lines: HeaderLines, isWanted: (name: string) => boolean): HeaderLines {
  let kept = "";
  eachField(lines, (name, _, line) => {
    if (isWanted(name)) kept += line;
  });
  return kept;
}
