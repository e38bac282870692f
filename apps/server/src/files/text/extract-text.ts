import { encodingOf, isPlainText } from "../media-type.ts";
import { htmlText } from "./html-text.ts";
import type { PdfText } from "./pdf-text.ts";

/** The text of a file. */
export type ExtractedText = {
  content: string;
  /** Whether the file holds more than was kept. */
  isCut: boolean;
};

/** What is kept of one file's text, in UTF-16 code units: a book of 500 pages. */
export const maxTextLength = 1_000_000;
/** What is read of a text file for that, and to know that there is more: none takes more bytes. */
const maxTextBytes = 4 * (maxTextLength + 1);

/**
 * The text of a file that has some: plain text in its many kinds, HTML without its markup, PDF.
 *
 * @returns null for a file without text, such as an image or a scanned page
 * @throws ApiError unreadable_file for one that would take more time or memory to read than its text
 * can be worth
 */
export async function extractText(
  path: string,
  mediaType: string,
  pdfText: PdfText,
): Promise<ExtractedText | null> {
  const text =
    mediaType === "application/pdf"
      ? await pdfText(path, maxTextLength)
      : mediaType === "text/html"
        ? await readText(path).then((html) => html && htmlText(html))
        : isPlainText(mediaType) || mediaType.endsWith("xml")
          ? await readText(path)
          : null;
  if (text === null) return null;
  // Postgres keeps neither NUL nor half a surrogate pair.
  const content = text.slice(0, maxTextLength).toWellFormed().replaceAll("\0", "\ufffd").trim();
  return content === "" ? null : { content, isCut: text.length > maxTextLength };
}

/** How much of a file of this type has to be at hand to take its text. */
export function bytesForText(mediaType: string): number {
  if (mediaType === "application/pdf") return Number.POSITIVE_INFINITY;
  const isText = isPlainText(mediaType) || mediaType === "text/html" || mediaType.endsWith("xml");
  // One more than is read, so that it is seen that there is more.
  return isText ? maxTextBytes + 1 : 0;
}

/** @returns null where the bytes turn out to be no text after all */
async function readText(path: string): Promise<string | null> {
  const file = Bun.file(path);
  const bytes = await file.slice(0, maxTextBytes).bytes();
  const isWhole = file.size <= maxTextBytes;
  try {
    const decoder = new TextDecoder(encodingOf(bytes), { fatal: true });
    return decoder.decode(bytes, { stream: !isWhole });
  } catch {
    return null;
  }
}
