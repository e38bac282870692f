import { MessageError } from "./message-error.ts";

/** Reads a Content-Length, which is digits alone: no sign, no list, no blank. */
export function readContentLength(value: string): number {
  if (!/^\d{1,15}$/.test(value)) {
    throw new MessageError(
      `Content-Length must be one whole number, not ${JSON.stringify(value)}.`,
    );
  }
  return Number(value);
}
