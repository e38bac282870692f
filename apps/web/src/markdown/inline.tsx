import type { MarkedToken, Token, Tokens } from "marked";
import type { ComponentChildren } from "preact";
import { decodeEntities } from "./entities.ts";
import { safeLink } from "./safe-link.ts";

/** Text inside a block, as elements. HTML in it is shown as the text it is. */
export function Inline({ tokens }: { tokens: Token[] | undefined }) {
  return <>{tokens?.map((token) => inline(token as MarkedToken))}</>;
}

function inline(token: MarkedToken): ComponentChildren {
  switch (token.type) {
    case "text":
      return token.tokens ? <Inline tokens={token.tokens} /> : decodeEntities(token.text);
    case "escape":
      return token.text;
    case "strong":
      return (
        <strong>
          <Inline tokens={token.tokens} />
        </strong>
      );
    case "em":
      return (
        <em>
          <Inline tokens={token.tokens} />
        </em>
      );
    case "del":
      return (
        <del>
          <Inline tokens={token.tokens} />
        </del>
      );
    case "codespan":
      return <code class="inline-code">{token.text}</code>;
    case "br":
      return <br />;
    case "link":
      return link(token);
    case "image":
      return image(token);
    case "checkbox":
      return (
        <input
          type="checkbox"
          checked={token.checked}
          disabled
          aria-label={token.checked ? "Done" : "To do"}
        />
      );
    default:
      return token.raw;
  }
}

function link(token: Tokens.Link): ComponentChildren {
  const href = safeLink(token.autolink ? token.href : decodeEntities(token.href));
  if (href === undefined) return <Inline tokens={token.tokens} />;
  return (
    <a
      href={href}
      target="_blank"
      rel="noopener noreferrer nofollow"
      title={token.title ?? undefined}
    >
      <Inline tokens={token.tokens} />
    </a>
  );
}

/** Never loaded: an image's address can tell its owner who reads what, and when. */
function image(token: Tokens.Image): ComponentChildren {
  const href = safeLink(decodeEntities(token.href));
  const caption = decodeEntities(token.text) || "Image";
  if (href === undefined) return caption;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" class="image-link">
      {caption}
    </a>
  );
}
