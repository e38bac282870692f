import type { FrameClock } from "../../frame-clock.ts";
import type { Lead } from "../relay.ts";
import type { SharedStream } from "../shared-stream.ts";
import { lastOf } from "./answer-entry.ts";
import type { AnswerStore, LeadName } from "./answer-store.ts";
import { Publisher } from "./publisher.ts";

type Options = {
  name: LeadName;
  store: AnswerStore;
  stream: SharedStream;
  clock: FrameClock;
  /** Ends the stream when nobody reads it on any server. */
  cancel(): void;
  /** The lead is given up or lost. */
  onOver(): void;
};

/**
 * An answer that this server leads. While nobody reads it elsewhere Redis holds its lease and no
 * text. A lead that is lost, because Redis was away or this process stood still, harms nobody: the
 * stream goes on for the readers here.
 */
export class LedAnswer implements Lead {
  readonly role = "lead";
  readonly name: LeadName;
  readonly #options: Options;
  readonly #publisher: Publisher;
  #isOver = false;

  constructor(options: Options) {
    const { name, store, stream, clock } = options;
    this.name = name;
    this.#options = options;
    this.#publisher = new Publisher(stream, clock, (entry, isWhole) =>
      store.publish(name, entry, isWhole),
    );
  }

  /** Gives a sign of life, and learns who reads. @throws Error when Redis does not answer */
  async look(): Promise<void> {
    const readers = await this.#options.store.keepLead(this.name);
    if (this.#isOver) return;
    if (readers === undefined) this.#over();
    else if (readers > 0) this.#publisher.start();
    else this.#publisher.stop();
    if (!readers) this.deserted();
  }

  deserted(): void {
    if (this.#options.stream.readerCount > 0) return;
    void this.#release();
  }

  end(): void {
    this.#tellEnd().catch(() => {}); // those who follow see the lease run out, and ask themselves
  }

  /** Leaves the answer to those who follow it. */
  async handOver(): Promise<void> {
    try {
      await this.#tellEnd();
    } finally {
      if (!this.#options.stream.outcome) this.#options.cancel();
    }
  }

  /** Gives the lead up, and the stream with it, if nobody reads. Never rejects. */
  async #release(): Promise<void> {
    const { store, stream, cancel } = this.#options;
    if (!this.#isOver) {
      // Without Redis nobody elsewhere hears of this answer.
      const isReleased = await store.releaseIfAlone(this.name).catch(() => true);
      if (!isReleased) return;
      this.#over();
    }
    // Somebody here may have come back meanwhile.
    if (stream.readerCount === 0 && !stream.outcome) cancel();
  }

  async #tellEnd(): Promise<void> {
    if (this.#isOver) return;
    const { store, stream } = this.#options;
    const isRead = this.#publisher.isOn;
    const last = { ...this.#publisher.rest(), last: lastOf(stream.outcome) };
    this.#over();
    // Somebody may have joined whom this server has not heard of.
    if (isRead || !(await store.releaseIfAlone(this.name))) await store.finish(this.name, last);
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#publisher.stop();
    this.#options.onOver();
  }
}
