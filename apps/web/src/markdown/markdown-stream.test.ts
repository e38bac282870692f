import { expect, test } from "bun:test";
import { Lexer } from "marked";
import { MarkdownStream, parseMarkdown } from "./markdown-stream.ts";

const documents = {
  prose: "# Title\n\nA paragraph with **bold**, `code` and\na second line.\n\nAnother\n===\n\nEnd",
  lists:
    "Intro:\n\n1. one\n\n   more of one\n\n2. two\n   - nested\n   - items\n\n10. ten\n\n- [ ] a\n- [x] b\n\n* other\n* list\n\nlazy\n",
  code: "Look:\n\n```ts\nconst a = 1;\n\n```\n\n~~~\ntilde ``` inside\n~~~\n\n````md\n```js\nx\n```\n````\n\n    indented\n\n    code\n\nAfter",
  table:
    "Before\n| a | b |\n|---|:-:|\n| 1 | `x\\|y` |\n| 2 | **z** |\n\nAfter the table\n\n---\n\nEnd\n",
  quote:
    "> quoted\nlazy\n>\n> - list\n>   more\n\n> second\n\n<div>\nraw <b>html</b>\n</div>\n\ntext\n",
  unclosed: "Text\n\n```python\nprint('never closed')\n\n# not a heading\n- not a list\n",
  edges:
    "\n\n\n- a\n\n\n\n- b\n\n\n1\n2\n\n1) x\n\n2) y\n-\n\n&amp; <https://a.example>\n\\* \n\n\n",
};

const plain = (text: string) =>
  Lexer.lex(text).filter((t) => t.type !== "space" && t.type !== "def");
const tokens = (stream: MarkdownStream) => stream.blocks().map((block) => block.token);

for (const [name, text] of Object.entries(documents)) {
  test(`${name}: character by character gives what parsing the whole gives`, () => {
    const stream = new MarkdownStream();
    for (const char of text) {
      stream.push(char);
      stream.blocks();
    }
    stream.finish();
    expect(tokens(stream)).toEqual(plain(text));
  });

  test(`${name}: so does every cut into two`, () => {
    for (let cut = 0; cut <= text.length; cut++) {
      const stream = new MarkdownStream();
      stream.push(text.slice(0, cut));
      stream.blocks();
      stream.push(text.slice(cut));
      stream.blocks();
      stream.finish();
      expect(tokens(stream)).toEqual(plain(text));
    }
  });
}

test("what is shown in between is what the text so far means", () => {
  const text = documents.lists;
  const stream = new MarkdownStream();
  for (let i = 0; i < text.length; i++) {
    stream.push(text.charAt(i));
    const types = tokens(stream).map((token) => token.type);
    expect(types).toEqual(plain(text.slice(0, i + 1)).map((token) => token.type));
  }
});

test("a finished block is the same object ever after, under the same key", () => {
  const stream = new MarkdownStream();
  stream.push("first\n\nsecond\n\nthird");
  const [first] = stream.blocks();
  expect(first?.finished).toBe(true);
  for (let i = 0; i < 50; i++) {
    stream.push(` word ${i}\n\n`);
    expect(stream.blocks()[0]).toBe(first!);
  }
  const keys = stream.blocks().map((block) => block.key);
  expect(new Set(keys).size).toBe(keys.length);
});

test("the work for a frame does not grow with the text", () => {
  const lex = Lexer.lex;
  let lexed = 0;
  Lexer.lex = ((source: string, ...rest: []) => {
    lexed += source.length;
    return lex(source, ...rest);
  }) as typeof Lexer.lex;
  try {
    const paragraph = "Some words in a paragraph of about sixty characters, plain.\n\n";
    const code = `\`\`\`js\n${"const line = 1;\n".repeat(400)}\`\`\`\n\n`;
    const text = paragraph.repeat(200) + code + paragraph.repeat(200);
    const stream = new MarkdownStream();
    for (let at = 0; at < text.length; at += 20) {
      stream.push(text.slice(at, at + 20));
      stream.blocks();
    }
    // Parsing everything for each of the 1,500 frames would be 23 million characters.
    expect(lexed).toBeLessThan(text.length * 20);
  } finally {
    Lexer.lex = lex;
  }
});

test("line ends of any kind, also cut in half", () => {
  const stream = new MarkdownStream();
  for (const piece of ["a\r", "\n\r\nb", "\r", "c\r"]) {
    stream.push(piece);
    stream.blocks();
  }
  stream.finish();
  expect(tokens(stream)).toEqual(plain("a\n\nb\nc\n"));
});

test("a link definition at the end counts for the text before it", () => {
  const text = "See [the page][p].\n\nMore.\n\n[p]: https://example.org\n";
  const stream = new MarkdownStream();
  for (const char of text) {
    stream.push(char);
    stream.blocks();
  }
  stream.finish();
  expect(tokens(stream)).toEqual(plain(text));
  expect(JSON.stringify(tokens(stream))).toContain("https://example.org");
  expect(parseMarkdown(text)).toHaveLength(2);
});
