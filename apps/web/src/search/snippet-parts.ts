export type SnippetPart = { text: string; isMatch: boolean };

const entities: Record<string, string> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
};

/**
 * Takes a snippet apart: the API gives it as HTML with escaped text and `<mark>`. It is never put
 * into the page as HTML, so a server that escaped badly could do no harm.
 */
export function snippetParts(html: string): SnippetPart[] {
  return html
    .split(/(<mark>[\s\S]*?<\/mark>)/)
    .filter((part) => part !== "")
    .map((part) => {
      const inner = /^<mark>([\s\S]*)<\/mark>$/.exec(part)?.[1];
      const text = (inner ?? part).replace(/&(amp|lt|gt|quot);/g, (name) => entities[name] ?? name);
      return { text, isMatch: inner !== undefined };
    });
}
