import { deflateSync } from "node:zlib";

/** A PDF of one page for each text, whose streams are deflated. */
export function pdf(pages: (string | Buffer)[]): Buffer {
  const objects: Buffer[] = [];
  const add = (text: string, stream?: Buffer) => {
    const body = stream
      ? Buffer.concat([
          Buffer.from(`<</Length ${stream.length}${text}>>stream\n`),
          stream,
          Buffer.from("\nendstream"),
        ])
      : Buffer.from(text);
    objects.push(body);
    return objects.length;
  };
  add("<</Type/Catalog/Pages 2 0 R>>");
  add(""); // the pages, once they are known
  const font = add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
  const kids = pages.map((page) => {
    const content =
      typeof page === "string" ? deflateSync(`BT /F1 12 Tf 20 700 Td (${page}) Tj ET`) : page;
    const stream = add("/Filter/FlateDecode", content);
    return add(
      `<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 ${font} 0 R>>>>/Contents ${stream} 0 R>>`,
    );
  });
  objects[1] = Buffer.from(
    `<</Type/Pages/Count ${kids.length}/Kids[${kids.map((kid) => `${kid} 0 R`).join(" ")}]>>`,
  );
  const parts = [Buffer.from("%PDF-1.4\n")];
  const offsets: number[] = [];
  let offset = (parts[0] as Buffer).length;
  for (const [i, object] of objects.entries()) {
    const part = Buffer.concat([
      Buffer.from(`${i + 1} 0 obj\n`),
      object,
      Buffer.from("\nendobj\n"),
    ]);
    offsets.push(offset);
    offset += part.length;
    parts.push(part);
  }
  const table = offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
  parts.push(
    Buffer.from(
      `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${offset}\n%%EOF`,
    ),
  );
  return Buffer.concat(parts);
}
