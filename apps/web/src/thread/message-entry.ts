import type { Message, StreamEvent } from "@peregrine/protocol";
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Block, MarkdownStream } from "../markdown/markdown-stream.ts";

export type Frames = {
  request: (draw: () => void) => number;
  cancel: (handle: number) => void;
  nowMs: () => number;
};

/** Parsing may take this share of the time between two drawings. */
const PARSING_SHARE = 0.25;

let nextKey = 0;

/**
 * One message on the screen. Its key stays the same from the moment it is asked until the page
 * closes, while the id changes once, from a local one to the server's. The text of a running answer
 * is drawn once a frame at most, less often where parsing its open end takes long.
 */
export class MessageEntry {
  readonly key = `entry-${nextKey++}`;
  readonly message: ReadonlySignal<Message>;
  /** The blocks of an answer that was streamed to this page; null where `content` is all there is. */
  readonly streamed: ReadonlySignal<readonly Block[] | null>;
  readonly #message: Signal<Message>;
  readonly #streamed: Signal<readonly Block[] | null> = signal(null);
  readonly #frames: Frames;
  #stream: MarkdownStream | undefined;
  #textLength = 0;
  #frame: number | undefined;
  #notBeforeMs = 0;

  constructor(message: Message, frames: Frames) {
    this.#message = signal(message);
    this.message = this.#message;
    this.streamed = this.#streamed;
    this.#frames = frames;
  }

  get id(): string {
    return this.#message.peek().id;
  }

  /** Whether the server does not know it yet, as far as this page can tell. */
  get isLocal(): boolean {
    return this.id.startsWith("local-");
  }

  get isRunning(): boolean {
    return this.#message.peek().status === "running";
  }

  /** How much of the text was streamed, in UTF-16 code units as the server counts them. */
  get textLength(): number {
    return this.#textLength;
  }

  /** The text so far. */
  get text(): string {
    return this.isRunning ? (this.#stream?.text ?? "") : this.#message.peek().content;
  }

  patch(part: Partial<Message>): void {
    this.#message.value = { ...this.#message.peek(), ...part };
  }

  /**
   * Takes the server's version of this message. A server that dies takes text along that it had sent
   * and not saved: who was reading keeps it.
   */
  update(sent: Message): void {
    const isCutShort = sent.status === "interrupted" && this.text.startsWith(sent.content);
    const message = isCutShort ? { ...sent, content: this.text } : sent;
    const before = this.#message.peek();
    if (message.status === "running") {
      if (before.status === "running") this.patch({ id: message.id, model: message.model });
      return;
    }
    if (before.status === "running" && this.#stream) {
      if (message.content.startsWith(this.#stream.text)) {
        this.push(message.content.slice(this.#stream.text.length));
        this.#finish();
      } else this.#dropStream();
    } else if (before.content !== message.content) this.#dropStream();
    this.#message.value = message;
  }

  /** Takes in an event of the answer's stream. */
  receive(event: StreamEvent): void {
    const finishedAt = new Date().toISOString();
    if (event.type === "started") {
      this.patch({
        id: event.messageId,
        conversationId: event.conversationId,
        questionId: event.questionId,
        model: event.model,
        createdAt: event.createdAt,
      });
    } else if (event.type === "delta") {
      this.push(event.text);
    } else if (event.type === "usage") {
      const { promptTokens, completionTokens } = event;
      this.patch({ usage: { promptTokens, completionTokens } });
    } else if (event.type === "done") {
      this.patch({ status: event.status, content: this.#finish(), finishedAt });
    } else {
      const { code, message } = event;
      const error = { code, message };
      this.patch({ status: "interrupted", content: this.#finish(), error, finishedAt });
    }
  }

  push(text: string): void {
    if (text === "") return;
    this.#stream ??= new MarkdownStream();
    this.#stream.push(text);
    this.#textLength += text.length;
    this.#frame ??= this.#frames.request(this.#draw);
  }

  dispose(): void {
    if (this.#frame !== undefined) this.#frames.cancel(this.#frame);
    this.#frame = undefined;
  }

  readonly #draw = (): void => {
    const startMs = this.#frames.nowMs();
    if (startMs < this.#notBeforeMs) {
      this.#frame = this.#frames.request(this.#draw);
      return;
    }
    this.#frame = undefined;
    this.#streamed.value = this.#stream?.blocks() ?? null;
    const endMs = this.#frames.nowMs();
    this.#notBeforeMs = endMs + (endMs - startMs) * (1 / PARSING_SHARE - 1);
  };

  /** @returns the whole text. */
  #finish(): string {
    this.dispose();
    const text = this.#stream?.text ?? "";
    this.#stream?.finish();
    this.#streamed.value = this.#stream?.blocks() ?? null;
    return text;
  }

  #dropStream(): void {
    this.dispose();
    this.#stream = undefined;
    this.#textLength = 0;
    this.#streamed.value = null;
  }
}
