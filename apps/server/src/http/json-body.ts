import { ApiError } from "./api-error.ts";

/**
 * More than any route takes. To say what is wrong with a body that is nested half a million deep
 * took a check of it seven seconds, and ended in its stack.
 */
const maxDepth = 16;

/**
 * Reads a JSON body of at most `maxBytes`, which may arrive without a length; undefined where there
 * is none.
 *
 * Text that Postgres cannot keep (NUL, half of a surrogate pair) is refused here, for every route
 * at once.
 *
 * @throws ApiError unsupported_media_type, payload_too_large, invalid_json or invalid_request
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<unknown> {
  const length = request.headers.get("content-length");
  if (length === "0" || (length === null && !request.body)) return undefined;
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new ApiError(
      "unsupported_media_type",
      `The body must be application/json, not ${mediaType ? JSON.stringify(mediaType) : "without a type"}.`,
    );
  }
  if (Number(length) > maxBytes) throw tooLarge(maxBytes);
  // To read a stream of one piece would cost a question 0.1 ms.
  const bytes = length === null ? await readStream(request, maxBytes) : await request.bytes();
  const text = decode(bytes);
  const value = parse(text);
  if (isDeeper(value, maxDepth)) {
    throw new ApiError("invalid_json", `The body is nested more than ${maxDepth} deep.`);
  }
  // JSON text can only carry these characters escaped, so most bodies are done after this search.
  if (/\\u(0000|[dD][89a-fA-F])/.test(text)) refuseUnstorable(value, "");
  return value;
}

async function readStream(request: Request, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of request.body ?? []) {
    size += piece.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    pieces.push(piece);
  }
  return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError("payload_too_large", `The body is larger than ${maxBytes} bytes.`);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ApiError("invalid_json", "The body is not valid UTF-8.", { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError("invalid_json", "The body is not valid JSON.", { cause });
  }
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((child) => isDeeper(child, depth - 1));
}

function refuseUnstorable(value: unknown, path: string): void {
  if (typeof value === "string") {
    if (value.includes("\0") || !value.isWellFormed()) {
      throw new ApiError(
        "invalid_request",
        "Text must not hold NUL or half of a surrogate pair.",
        path === "" ? {} : { field: path },
      );
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [key, child] of Object.entries(value)) {
      refuseUnstorable(key, path);
      refuseUnstorable(child, path === "" ? key : `${path}.${key}`);
    }
  }
}
