import { expect, test } from "bun:test";
import fc from "fast-check";
import { ChunkedScanner } from "./chunked-scanner.ts";

const piece = fc.uint8Array({ minLength: 1, maxLength: 40 });
const extension = fc.constantFrom("", ";a", ";a=b", ';a="b c"');
const trailers = fc.constantFrom("", "X-A: 1\r\n", "X-A: 1\r\nX-B:\r\n");

test("however a body is cut up on its way, it ends where it ends and holds what it holds", () => {
  const cuts = fc.array(fc.nat(), { maxLength: 12 });
  const chunks = fc.array(fc.tuple(piece, extension), { maxLength: 6 });
  fc.assert(
    fc.property(chunks, extension, trailers, cuts, (parts, last, tail, places) => {
      const framed = parts.map(([bytes, words]) =>
        Buffer.concat([
          Buffer.from(`${bytes.length.toString(16)}${words}\r\n`),
          bytes,
          Buffer.from("\r\n"),
        ]),
      );
      const body = Buffer.concat([...framed, Buffer.from(`0${last}\r\n`)]);
      const whole = Buffer.concat([body, Buffer.from(`${tail}\r\n`)]);
      const sent = Buffer.concat([whole, Buffer.from("GET / HTTP/1.1\r\n")]);

      const scanner = new ChunkedScanner();
      const data: Uint8Array[] = [];
      const passed: Uint8Array[] = [];
      let consumed = 0;
      const ends = [...new Set(places.map((place) => place % sent.length))].sort((a, b) => a - b);
      let from = 0;
      for (const to of [...ends, sent.length]) {
        const bytes = sent.subarray(from, to);
        from = to;
        if (scanner.isDone) continue;
        const end = scanner.scan(bytes, 0, (found) => data.push(Buffer.from(found)));
        passed.push(Buffer.from(bytes.subarray(0, scanner.passTo)));
        consumed += end;
      }
      expect(scanner.isDone).toBe(true);
      expect(consumed).toBe(whole.length);
      expect(Buffer.concat(data)).toEqual(Buffer.concat(parts.map(([bytes]) => bytes)));
      const forwarded = Buffer.concat([...passed, Buffer.from(scanner.needsEnd ? "\r\n" : "")]);
      expect(forwarded).toEqual(Buffer.concat([body, Buffer.from("\r\n")]));
    }),
    { numRuns: 2000 },
  );
});
