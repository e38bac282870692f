import { definePDFJSModule, getDocumentProxy } from "unpdf";

/*
 * The process that reads one PDF: `pdf-text-process.ts <path> <characters>`. Writes its text and
 * ends with 0, or with 1 where it cannot be read. Who starts it bounds its time and memory.
 */
const [path = "", length = "0"] = process.argv.slice(2);
const maxLength = Number(length);

try {
  await definePDFJSModule(() => import("unpdf/pdfjs"));
  const bytes = await Bun.file(path).bytes();
  const document = await getDocumentProxy(bytes, {
    // Text is all that is wanted: no font is loaded and no picture decoded.
    disableFontFace: true,
    maxImageSize: 0,
  });
  let written = 0;
  for (let number = 1; number <= document.numPages && written <= maxLength; number++) {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    let text = number === 1 ? "" : "\n\n";
    for (const item of items) {
      if ("str" in item) text += item.hasEOL ? `${item.str}\n` : item.str;
    }
    page.cleanup();
    text = text.slice(0, maxLength + 1 - written);
    written += text.length;
    await Bun.write(Bun.stdout, text);
  }
  process.exit(0);
} catch {
  process.exit(1);
}
