import type { StreamEvent } from "@peregrine/protocol";

const encoder = new TextEncoder();

/** The wire form of one event. JSON escapes line ends, so the data is always a single line. */
export function encodeEvent(id: number, event: StreamEvent): Uint8Array {
  return encoder.encode(`id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

/** A comment: keeps proxies from closing a stream that is silent for long. */
export const keepAliveComment: Uint8Array = encoder.encode(": keep-alive\n\n");

/** Headers of every event stream; `X-Accel-Buffering` keeps nginx from holding events back. */
export const eventStreamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
} as const;
