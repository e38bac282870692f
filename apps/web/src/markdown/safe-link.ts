/**
 * Where a link in a text may lead: another site or an address, nothing that runs (`javascript:`,
 * `data:`) and nothing inside this application. @returns undefined for anything else.
 */
export function safeLink(href: string): string | undefined {
  let url: URL;
  try {
    url = new URL(href);
  } catch {
    return undefined;
  }
  return url.protocol === "https:" || url.protocol === "http:" || url.protocol === "mailto:"
    ? url.href
    : undefined;
}
