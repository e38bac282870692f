import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { pdf } from "../../testing/pdf.ts";
import { extractText, maxTextLength } from "./extract-text.ts";
import { htmlText } from "./html-text.ts";
import { openPdfText } from "./pdf-text.ts";

const directory = mkdtempSync(join(tmpdir(), "peregrine-text-"));
afterAll(() => rmSync(directory, { recursive: true }));
const pdfText = openPdfText();

async function extract(content: string | Uint8Array, mediaType: string) {
  const path = join(directory, "file");
  await Bun.write(path, content);
  return extractText(path, mediaType, pdfText);
}

test("text is taken as it is, in UTF-8 and in UTF-16 with its mark", async () => {
  expect(await extract("# Fälcon\n", "text/markdown")).toEqual({
    content: "# Fälcon",
    isCut: false,
  });
  const utf16 = Buffer.from("\ufeffFälcon", "utf16le");
  expect((await extract(utf16, "text/plain"))?.content).toBe("Fälcon");
  expect((await extract("a,b\n1,2", "text/csv"))?.content).toBe("a,b\n1,2");
});

test("what has no text has none, and bytes that are no text after all neither", async () => {
  expect(await extract("  \n", "text/plain")).toBeNull();
  expect(await extract("PNG", "image/png")).toBeNull();
  expect(await extract(Buffer.from([0x61, 0xff, 0xfe]), "text/plain")).toBeNull();
});

test("a long text is cut, and says so", async () => {
  const cut = await extract("ä".repeat(maxTextLength + 10), "text/plain");
  expect([cut?.content.length, cut?.isCut]).toEqual([maxTextLength, true]);
  const whole = await extract("ä".repeat(maxTextLength), "text/plain");
  expect([whole?.content.length, whole?.isCut]).toEqual([maxTextLength, false]);
});

test("of HTML what a person reads is kept", async () => {
  const html = `<!doctype html><html><head><title>Falcons</title><style>p{}</style></head><body>
    <script>alert("no")</script><h1>The  <em>peregrine</em></h1><p>Fast &amp; &#8220;small&#x201d;</p>
    <ul><li>one<li>two</ul><table><tr><td>a</td><td>b</td></tr></table><!-- no --></body></html>`;
  const text = (await extract(html, "text/html"))?.content ?? "";
  expect(text).toContain("Falcons");
  expect(text).toContain("The peregrine\n");
  expect(text).toContain("Fast & “small”");
  expect(text).toMatch(/one\s*\n\s*two/);
  expect(text).toContain("a\tb");
  expect(text).not.toMatch(/alert|p\{\}|no -|</);
});

test("a PDF's pages are read in order", async () => {
  const text = await extract(pdf(["The peregrine", "is fast"]), "application/pdf");
  expect(text).toEqual({ content: "The peregrine\n\nis fast", isCut: false });
});

test("a broken PDF has no text, and is no error", async () => {
  expect(await extract("%PDF-1.4 nonsense", "application/pdf")).toBeNull();
});

test.each(["<td>", "&#32;"])(
  "a page that is %s two hundred thousand times is read at once",
  async (unit) => {
    // Were the space looked through anew from each of them it would take twenty seconds.
    const startedMs = performance.now();
    const html = `<html>${unit.repeat(200_000)}text`;
    expect((await extract(html, "text/html"))?.content).toBe("text");
    expect(performance.now() - startedMs).toBeLessThan(8_000);
  },
);

test("while a large page is read others have their turn", async () => {
  let turns = 0;
  let isOver = false;
  const take = () => {
    turns++;
    if (!isOver) setImmediate(take);
  };
  take();
  await htmlText("<p>".repeat(400_000));
  isOver = true;
  expect(turns).toBeGreaterThan(20);
});

test("a PDF that unfolds to gigabytes is refused in bounded memory, and in bounded time", async () => {
  // Three pages of 400 MB each, as a file of a few hundred kilobytes.
  const page = deflateSync(Buffer.alloc(400_000_000, "( ) Tj "), { level: 9 });
  const path = join(directory, "bomb.pdf");
  await Bun.write(path, pdf([page, page, page]));
  const gigabyte = 1024 ** 3;
  for (const [limits, message] of [
    [
      { timeoutMs: 50_000, maxMemoryBytes: gigabyte / 2 },
      "The PDF takes more than 512 MB to read.",
    ],
    [{ timeoutMs: 100, maxMemoryBytes: 64 * gigabyte }, "The PDF takes more than 0.1 s to read."],
  ] as const) {
    const refused = await extractText(path, "application/pdf", openPdfText(limits)).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: "unreadable_file", message });
  }
}, 60_000);
