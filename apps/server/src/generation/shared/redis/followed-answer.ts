import { type Follow, LeaderLost } from "../relay.ts";
import type { AnswerEnd, SharedStream } from "../shared-stream.ts";
import { type AnswerEntry, outcomeOf, parseEntry } from "./answer-entry.ts";
import { type AnswerStore, eventsKey, type LeadName } from "./answer-store.ts";
import type { StreamEntry, StreamReader } from "./stream-reader.ts";

/** Without a word from Redis for so long, a reader is on its own. */
const silentMs = 1000;

type Options = {
  name: LeadName;
  store: AnswerStore;
  reader: StreamReader;
  stream: SharedStream;
  /** It is followed no more. */
  onOver(): void;
};

/** An answer that another server leads, read into a stream of this one. */
export class FollowedAnswer implements Follow {
  readonly role = "follow";
  readonly #options: Options;
  readonly #ended = Promise.withResolvers<AnswerEnd>();
  #isOver = false;
  #length = 0;
  #heardMs = performance.now();

  constructor(options: Options) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<AnswerEnd> {
    const { name, store, reader, onOver } = this.#options;
    const leave = () => {
      this.#fail(signal.reason);
      store.leave(name).catch(() => {}); // its place among the readers runs out
    };
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    const unfollow = reader.follow(eventsKey(name.key, name.token), (entries) => {
      this.#read(entries);
    });
    // Should this fail, the leader's next sign of life and our next read find out as well.
    Promise.all([store.tellLeader(name), store.tellSelf()]).catch(() => {});
    try {
      return await this.#ended.promise;
    } finally {
      this.#isOver = true;
      signal.removeEventListener("abort", leave);
      unfollow();
      onOver();
    }
  }

  /** Keeps this server's place among the readers, and sees whether the leader lives. */
  async look(): Promise<void> {
    const { name, store } = this.#options;
    try {
      if (!(await store.keepReading(name))) {
        // Its end may be there, and not read yet.
        this.#take(await store.entries(name));
        this.#fail(new LeaderLost("the leading server has gone"));
      }
      this.#heardMs = performance.now();
    } catch (error) {
      if (performance.now() - this.#heardMs > silentMs) {
        this.#fail(new LeaderLost("Redis does not answer", { cause: error }));
      }
      throw error;
    }
  }

  #read(entries: StreamEntry[]): void {
    try {
      this.#take(entries.map(({ fields }) => parseEntry(fields.e)));
    } catch (error) {
      this.#fail(new LeaderLost("the leading server cannot be understood", { cause: error }));
    }
  }

  #take(entries: AnswerEntry[]): void {
    for (const { at, text, last } of entries) {
      if (this.#isOver) return;
      if (at > this.#length) {
        this.#fail(new LeaderLost(`text is missing from ${this.#length} to ${at}`));
        return;
      }
      const news = text.slice(this.#length - at);
      this.#length += news.length;
      if (news !== "") this.#options.stream.append(news);
      if (last) this.#settle(outcomeOf(last));
    }
  }

  #settle(outcome: ReturnType<typeof outcomeOf>): void {
    this.#isOver = true;
    if ("end" in outcome) this.#ended.resolve(outcome.end);
    else this.#ended.reject(outcome.error);
  }

  #fail(error: unknown): void {
    if (!this.#isOver) this.#settle({ error });
  }
}
