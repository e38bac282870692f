/** Elements that end a line of text. */
const blocks =
  "title,p,div,br,hr,li,tr,h1,h2,h3,h4,h5,h6,section,article,header,footer,blockquote,pre,table,ul,ol,dt,dd,figcaption";
/** Elements whose content nobody reads. */
const unread = "script,style,noscript,template,svg";
/** Tags alone of this length take 10 ms. */
const pieceBytes = 32 * 1024;

/**
 * What a person reads of an HTML page, a line for each block. Bun's rewriter (lol-html) parses in
 * one pass with bounded memory, whatever the page is like; nothing of it runs.
 */
export async function htmlText(html: string): Promise<string> {
  const pieces: string[] = [];
  let hidden = 0;
  const rewriter = new HTMLRewriter()
    .on(unread, {
      element(element) {
        if (element.selfClosing || !element.canHaveContent) return;
        hidden++;
        element.onEndTag(() => {
          hidden--;
        });
      },
    })
    .on(blocks, {
      element(element) {
        pieces.push("\n");
        if (element.canHaveContent && !element.selfClosing) {
          element.onEndTag(() => void pieces.push("\n"));
        }
      },
    })
    .on("td,th", { element: () => void pieces.push("\t") })
    .onDocument({
      text(chunk) {
        if (hidden === 0) pieces.push(chunk.text.replace(/\s+/g, " "));
      },
    });
  await rewriter.transform(new Response(inPieces(html))).arrayBuffer();
  return decodeEntities(pieces.join(""))
    .split("\n")
    .map((line) => line.trim())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** Lets others have their turn in between: 4 MB of tags alone take a second. */
function inPieces(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let position = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise(setImmediate);
      controller.enqueue(bytes.subarray(position, position + pieceBytes));
      position += pieceBytes;
      if (position >= bytes.length) controller.close();
    },
  });
}

const named: Record<string, string> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", shy: "" },
  ...{ ndash: "–", mdash: "—", hellip: "…", lsquo: "‘", rsquo: "’", ldquo: "“", rdquo: "”" },
  ...{ copy: "©", reg: "®", trade: "™", euro: "€", pound: "£", deg: "°", times: "×", middot: "·" },
  ...{ auml: "ä", ouml: "ö", uuml: "ü", Auml: "Ä", Ouml: "Ö", Uuml: "Ü", szlig: "ß" },
  ...{ eacute: "é", egrave: "è", agrave: "à", ccedil: "ç", ntilde: "ñ" },
};

/** One that is not known stays as it is written. */
function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, ...groups) => {
    const [decimal, hex, name] = groups as (string | undefined)[];
    if (name !== undefined) return named[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  });
}
