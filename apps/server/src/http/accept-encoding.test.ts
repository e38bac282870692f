import { expect, test } from "bun:test";
import { chooseEncoding, encodings } from "./accept-encoding.ts";

const choose = (header: string | null) => chooseEncoding(header, encodings);

test("the first preferred coding that the client accepts is chosen", () => {
  expect(choose("gzip, deflate, br, zstd")).toBe("br");
  expect(chooseEncoding("gzip, deflate, br, zstd", ["zstd", "br", "gzip"])).toBe("zstd");
  expect(choose("GZIP")).toBe("gzip");
  expect(choose("*")).toBe("br");
});

test("a higher weight goes before our own preference, and q=0 refuses", () => {
  expect(choose("br;q=0.5, gzip")).toBe("gzip");
  expect(choose("br;q=0, zstd;q=0, gzip;q=0.001")).toBe("gzip");
  expect(choose("br;q=0, *;q=0.1")).toBe("zstd");
  expect(choose("identity, gzip;q=0.5")).toBeUndefined();
});

test("where nothing of ours is accepted, or the header makes no sense, nothing is compressed", () => {
  for (const header of [null, "", "deflate", "identity", "*;q=0", "br;q=2", "br;q=x", ";;,,q=1"]) {
    expect(choose(header)).toBeUndefined();
  }
});

test("any number of different headers is answered and not remembered", () => {
  for (let i = 0; i < 1000; i++) expect(choose(`gzip;q=0.${i}1, x${i}`)).toBe("gzip");
  expect(choose(`${"x,".repeat(50_000)}gzip`)).toBe("gzip");
});
