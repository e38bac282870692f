import type { SocketEvent } from "@peregrine/protocol";
import type { Bus } from "../bus/bus.ts";
import type { AnswerLog, LoggedEvent } from "../generation/answer-log.ts";

/** The part of Bun's server that sends to everyone who subscribed to a topic. */
type Publisher = {
  publish(topic: string, text: string): number;
  subscriberCount(topic: string): number;
  readonly pendingWebSockets: number;
};

/** How often a server says whose tokens it wants; one that was silent for three wants none. */
const renewMs = 5_000;

/** What happens to one user, for all of their tabs. */
export const userTopic = (userId: string) => `user:${userId}`;
/** The tokens of that user's answers, for those tabs that want them here. */
export const deltaTopic = (userId: string) => `deltas:${userId}`;

/**
 * Tells the tabs of a user what happens, on this server and, by the bus, on all others; tokens only
 * go to servers that have said they want them. An event is encoded once, whoever listens; Bun holds the
 * list of subscribers, and drops one whose socket does not take what is sent.
 */
export class LiveHub {
  readonly #bus: Bus;
  #publisher: Publisher | undefined;
  /** Users with a tab on another server that wants tokens, until when. */
  readonly #wantedElsewhere = new Map<string, number>();
  readonly #wantedHere = new Map<string, number>();
  readonly #closers: (() => void)[] = [];

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Begins to hear what happens on the other servers. */
  async start(): Promise<void> {
    const heard = await this.#bus.subscribe("live", (message) => {
      const { topic, event } = message as { topic: string; event: SocketEvent };
      this.#send(topic, event);
    });
    const wanted = await this.#bus.subscribe("live.wanted", (message) => {
      const { userIds } = message as { userIds: string[] };
      for (const userId of userIds) this.#wantedElsewhere.set(userId, Date.now() + 3 * renewMs);
    });
    const renewal = setInterval(() => {
      const now = Date.now();
      for (const [userId, until] of this.#wantedElsewhere) {
        if (until < now) this.#wantedElsewhere.delete(userId);
      }
      if (this.#wantedHere.size > 0) this.#want([...this.#wantedHere.keys()]);
    }, renewMs);
    this.#closers.push(heard, wanted, () => clearInterval(renewal));
  }

  stop(): void {
    for (const close of this.#closers) close();
  }

  /** A tab of this server wants tokens, or no longer does. */
  wantsDeltas(userId: string, change: 1 | -1): void {
    const count = (this.#wantedHere.get(userId) ?? 0) + change;
    if (count > 0) this.#wantedHere.set(userId, count);
    else this.#wantedHere.delete(userId);
    if (count === 1 && change === 1) this.#want([userId]);
  }

  #want(userIds: string[]): void {
    this.#bus.publish("live.wanted", { userIds });
  }

  /** Events before this have nobody to go to. */
  attach(publisher: Publisher): void {
    this.#publisher = publisher;
  }

  get openSockets(): number {
    return this.#publisher?.pendingWebSockets ?? 0;
  }

  publish(userId: string, event: SocketEvent): void {
    this.#sendEverywhere(userTopic(userId), event);
  }

  /** An event of an answer, as it goes out to its stream. */
  publishAnswerEvent(answer: AnswerLog, { id, event }: Pick<LoggedEvent, "id" | "event">): void {
    const { userId } = answer;
    const isWantedElsewhere = this.#wantedElsewhere.has(userId);
    // Most tokens are wanted by no tab, and there are thousands a second.
    if (event.type === "delta" && !isWantedElsewhere && !this.#wantedHere.has(userId)) return;
    const { conversationId, messageId } = answer.started;
    const socketEvent: SocketEvent = { type: "answer", conversationId, messageId, id, event };
    if (event.type !== "delta") this.#sendEverywhere(userTopic(userId), socketEvent);
    else if (isWantedElsewhere) this.#sendEverywhere(deltaTopic(userId), socketEvent);
    else this.#send(deltaTopic(userId), socketEvent);
  }

  #sendEverywhere(topic: string, event: SocketEvent): void {
    this.#bus.publish("live", { topic, event });
    this.#send(topic, event);
  }

  /** Most topics have nobody: then the event is not even encoded, which is a fifth of a frame's cost. */
  #send(topic: string, event: SocketEvent): void {
    if (!this.#publisher?.subscriberCount(topic)) return;
    this.#publisher.publish(topic, JSON.stringify(event));
  }
}
