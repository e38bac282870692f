import { createHash, createHmac } from "node:crypto";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) =>
  createHmac("sha256", key).update(text).digest();

/**
 * Checks an AWS Signature Version 4 as a server does, from the request alone
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
 *
 * @returns what is wrong, or undefined
 */
export function verifySignatureV4(
  request: Request,
  body: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
  region: string,
  service: string,
): string | undefined {
  const header = request.headers.get("authorization") ?? "";
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      header,
    );
  if (!match) return `no signature: ${header}`;
  const [, credential = "", signedHeaders = "", signature] = match;
  const moment = request.headers.get("x-amz-date") ?? "";
  const scope = `${moment.slice(0, 8)}/${region}/${service}/aws4_request`;
  if (credential !== `${credentials.accessKeyId}/${scope}`) return `wrong scope: ${credential}`;
  const names = signedHeaders.split(";");
  if (!names.includes("host") || !names.includes("x-amz-date")) return "too little is signed";

  const url = new URL(request.url);
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join("&");
  const headers = names.map((name) => `${name}:${request.headers.get(name)?.trim()}\n`).join("");
  const canonical = [
    request.method,
    url.pathname,
    query,
    headers,
    signedHeaders,
    sha256(body),
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", moment, scope, sha256(canonical)].join("\n");
  let key = hmac(`AWS4${credentials.secretAccessKey}`, moment.slice(0, 8));
  for (const part of [region, service, "aws4_request"]) key = hmac(key, part);
  return hmac(key, text).toString("hex") === signature ? undefined : "the signature is wrong";
}
