/** One event of a server-sent event stream, as the HTML standard's parser hands it on. */
export type ServerSentEvent = {
  /** The `event:` field; "message" where there was none. */
  type: string;
  data: string;
  /** The last `id:` seen on the stream so far; undefined before the first. */
  id: string | undefined;
};

/**
 * Reads server-sent events from bytes that arrive in pieces of any size: a piece may end inside a
 * line, between CR and LF, or inside a UTF-8 character. Follows the HTML standard
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream):
 * comments are skipped, an event without data is not dispatched, an event that the end of the
 * stream cuts off is dropped.
 *
 * A line or an event above `maxEventBytes` (in UTF-16 code units) throws a RangeError, so that a
 * peer that never ends a line cannot fill the memory.
 */
export class SseParser {
  readonly #decoder = new TextDecoder();
  readonly #maxEventBytes: number;
  #rest = "";
  #afterCr = false;
  #type = "";
  #data: string[] = [];
  #dataLength = 0;
  #id: string | undefined;

  constructor(maxEventBytes = 4 * 1024 * 1024) {
    this.#maxEventBytes = maxEventBytes;
  }

  /** @returns the events that this piece completes. */
  push(bytes: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return events;
    if (this.#afterCr && text.charCodeAt(0) === 10) text = text.slice(1);
    this.#afterCr = text === "" ? false : text.charCodeAt(text.length - 1) === 13;

    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const char = text.charCodeAt(i);
      if (char !== 10 && char !== 13) continue;
      const line = this.#rest + text.slice(start, i);
      this.#rest = "";
      if (char === 13 && text.charCodeAt(i + 1) === 10) i++;
      start = i + 1;
      const event = this.#line(line);
      if (event) events.push(event);
    }
    this.#rest += text.slice(start);
    if (this.#rest.length > this.#maxEventBytes) throw new RangeError("event stream line too long");
    return events;
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return undefined;
    const field = colon === -1 ? line : line.slice(0, colon);
    let value = colon === -1 ? "" : line.slice(colon + 1);
    if (value.charCodeAt(0) === 32) value = value.slice(1);
    if (field === "data") {
      this.#data.push(value);
      this.#dataLength += value.length;
      if (this.#dataLength > this.#maxEventBytes) throw new RangeError("event too long");
    } else if (field === "event") this.#type = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const type = this.#type || "message";
    this.#type = "";
    if (this.#data.length === 0) return undefined;
    const data = this.#data.length === 1 ? (this.#data[0] as string) : this.#data.join("\n");
    this.#data = [];
    this.#dataLength = 0;
    return { type, data, id: this.#id };
  }
}
