const maxLength = 200;

const unsafe: readonly RegExp[] = [
  /\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, // addresses
  /\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b/g, // IPv4
  /\b(?:localhost|[\w-]+(?:\.[\w-]+)*\.(?:local|internal|lan|svc))(?::\d+)?\b/gi, // inner hosts
  /(?<![\w/])(?:[A-Za-z]:)?(?:[/\\][\w.@ -]*[\w.@-]){2,}/g, // paths of files
  /\b(?:bearer|basic)\s+\S+/gi,
  /\b(?:sk|pk|rk|hf|gsk|xai|key|token)[-_][\w*.-]{4,}/gi, // keys, also half hidden ones
  /[\w*+/=-]{32,}/g, // anything long and opaque
];

/**
 * What a model server says of an error, made fit for the person who asked: its first line, without
 * addresses, paths and keys, at most 200 characters. It is worth showing, since it names the thing
 * to change ("maximum context length is 8192 tokens").
 */
export function safeDetail(text: string, secret: string | undefined): string {
  let detail = text.trim().split(/[\r\n]/, 1)[0] ?? "";
  detail = detail.slice(0, 2000).toWellFormed();
  if (secret) detail = detail.replaceAll(secret, "…");
  for (const pattern of unsafe) detail = detail.replace(pattern, "…");
  detail = detail.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  return detail.length > maxLength
    ? `${detail
        .slice(0, maxLength - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, "")}…`
    : detail;
}
