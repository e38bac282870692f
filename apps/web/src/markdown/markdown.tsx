import type { MarkedToken, Tokens } from "marked";
import type { ComponentChildren } from "preact";
import { memo } from "../ui/memo.ts";
import { CodeBlock } from "./code-block.tsx";
import { decodeEntities } from "./entities.ts";
import { Inline } from "./inline.tsx";
import type { Block } from "./markdown-stream.ts";

/** A text as elements. A block that is finished is drawn once. */
export function Markdown({ blocks, isRunning }: { blocks: readonly Block[]; isRunning: boolean }) {
  return (
    <div class="markdown" data-running={isRunning ? "" : undefined}>
      {blocks.map((block) => (
        <BlockView key={block.key} token={block.token as MarkedToken} isOpen={!block.finished} />
      ))}
    </div>
  );
}

const BlockView = memo(({ token, isOpen }: { token: MarkedToken; isOpen: boolean }) => (
  <>{blockOf(token, isOpen)}</>
));

function blockOf(token: MarkedToken, isOpen: boolean): ComponentChildren {
  switch (token.type) {
    case "paragraph":
      return (
        <p>
          <Inline tokens={token.tokens} />
        </p>
      );
    case "heading":
      return heading(token);
    case "code":
      return <CodeBlock code={token.text} info={token.lang ?? ""} isOpen={isOpen} />;
    case "list":
      return list(token, isOpen);
    case "table":
      return table(token);
    case "blockquote":
      return <blockquote>{children(token.tokens as MarkedToken[], isOpen)}</blockquote>;
    case "hr":
      return <hr />;
    case "html":
      return <p class="raw-html">{token.text}</p>;
    case "text":
      return token.tokens ? <Inline tokens={token.tokens} /> : decodeEntities(token.text);
    case "space":
    case "def":
      return null;
    default:
      return <Inline tokens={[token]} />;
  }
}

function children(tokens: MarkedToken[], isOpen: boolean): ComponentChildren {
  return tokens.map((token, index) => blockOf(token, isOpen && index === tokens.length - 1));
}

/** The title of a conversation is of level 1, so what is written in it begins with 2. */
function heading({ depth, tokens }: Tokens.Heading): ComponentChildren {
  const Tag = `h${Math.min(6, depth + 1)}` as "h2";
  return (
    <Tag class={`h-${depth}`}>
      <Inline tokens={tokens} />
    </Tag>
  );
}

function list(token: Tokens.List, isOpen: boolean): ComponentChildren {
  const items = token.items.map((item, index) => {
    const isItemOpen = isOpen && index === token.items.length - 1;
    return (
      <li class={item.task ? "task" : undefined}>
        {children(item.tokens as MarkedToken[], isItemOpen)}
      </li>
    );
  });
  if (!token.ordered) return <ul>{items}</ul>;
  return <ol start={token.start === "" ? 1 : token.start}>{items}</ol>;
}
function table({ header, rows }: Tokens.Table): ComponentChildren {
  const className = (cell: Tokens.TableCell) => (cell.align ? `align-${cell.align}` : undefined);
  return (
    <div class="table-scroller">
      <table>
        <thead>
          <tr>
            {header.map((cell) => (
              <th scope="col" class={className(cell)}>
                <Inline tokens={cell.tokens} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell) => (
                <td class={className(cell)}>
                  <Inline tokens={cell.tokens} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
