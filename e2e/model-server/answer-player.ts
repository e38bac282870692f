import type { Step } from "./answer-steps.ts";

/** How an answer ended: whole, cut by the scenario itself, or left by the client. */
export type Ending = "whole" | "fault" | "client_left";

/** Where an answer is sent. */
export type Wire = {
  write(bytes: Uint8Array): void;
  /** Closes the connection after what was written. */
  close(): void;
  /** Closes it with a reset, and what was not yet sent is lost. */
  reset(): void;
};

/**
 * Plays the steps of one answer on a connection, chunk by chunk of HTTP. Owns one timer at most;
 * `leave` ends it when the client has gone.
 */
export class AnswerPlayer {
  readonly #steps: Iterator<Step>;
  readonly #wire: Wire;
  readonly #cutBytes: number;
  readonly #onEnd: (ending: Ending) => void;
  readonly #startedMs = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #uncut: Buffer = Buffer.alloc(0);
  #hasEnded = false;
  tokensSent = 0;

  /** @param cutBytes see `Scenario.cut` */
  constructor(
    steps: Iterator<Step>,
    wire: Wire,
    cutBytes: number,
    onEnd: (ending: Ending) => void,
  ) {
    this.#steps = steps;
    this.#wire = wire;
    this.#cutBytes = cutBytes;
    this.#onEnd = onEnd;
  }

  play(): void {
    while (!this.#hasEnded && this.#take(this.#steps.next().value as Step));
  }

  /** @returns whether to go on with the next step at once */
  #take(step: Step): boolean {
    switch (step.type) {
      case "head":
        this.#wire.write(Buffer.from(step.text));
        return true;
      case "event":
        if (step.isToken) this.tokensSent++;
        this.#send(Buffer.from(step.text));
        // One write for several events would undo the cutting.
        return this.#cutBytes === 0 || this.#continueIn(0);
      case "bytes":
        this.#send(step.bytes);
        return true;
      case "waitUntil": {
        this.#flush();
        const waitMs = this.#startedMs + step.ms - performance.now();
        return waitMs <= 0 || this.#continueIn(waitMs);
      }
      case "breathe":
        return this.#continueIn(0);
      case "stall":
        this.#flush();
        return false;
      case "close":
      case "reset":
        this.#flush();
        this.#end("fault");
        // A reset takes with it what its receiver has not read yet, which is busy at times.
        setTimeout(() => this.#wire[step.type === "close" ? "close" : "reset"](), 50);
        return false;
      case "end":
        this.#flush();
        this.#wire.write(lastChunk);
        this.#end("whole");
        return false;
    }
  }

  /** The client has gone. */
  leave(): void {
    this.#end("client_left");
  }

  #continueIn(ms: number): false {
    this.#timer = setTimeout(() => this.play(), ms);
    return false;
  }

  #end(ending: Ending): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#onEnd(ending);
  }

  #send(bytes: Uint8Array): void {
    if (this.#cutBytes === 0) {
      this.#chunk(bytes);
      return;
    }
    let rest = Buffer.concat([this.#uncut, bytes]);
    while (rest.length >= this.#cutBytes) {
      this.#chunk(rest.subarray(0, this.#cutBytes));
      rest = rest.subarray(this.#cutBytes);
    }
    this.#uncut = rest;
  }

  #flush(): void {
    if (this.#uncut.length > 0) this.#chunk(this.#uncut);
    this.#uncut = Buffer.alloc(0);
  }

  #chunk(bytes: Uint8Array): void {
    const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
    this.#wire.write(Buffer.concat([size, bytes, lineEnd]));
  }
}

const lineEnd = Buffer.from("\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");
