import type { SocketEvent } from "@peregrine/protocol";
import type { Bus } from "../bus/bus.ts";
import type { AnswerLog, LoggedEvent } from "../generation/answer-log.ts";
import { SenderWatch } from "./sender-watch.ts";

/** The part of Bun's server that sends to everyone who subscribed to a topic. */
type Publisher = {
  publish(topic: string, text: string): number;
  subscriberCount(topic: string): number;
  readonly pendingWebSockets: number;
};

/** How often a server says that it is there and whose tokens it wants; after three without, it is not. */
const renewMs = 5_000;

/** An event for the sockets of other servers; each of a server's has a number, from 1. */
type Told = { from: string; number: number; topic: string; event: SocketEvent };
/** What a server says of itself: the number of its last event, and whose tokens it wants. */
type Presence = { from: string; number: number; userIds: string[]; isLeaving?: true };

/** What happens to one user, for all of their tabs. */
export const userTopic = (userId: string) => `user:${userId}`;
/** What every tab is told. */
export const everyoneTopic = "everyone";
/** The tokens of that user's answers, for those tabs that want them here. */
export const deltaTopic = (userId: string) => `deltas:${userId}`;

/**
 * Tells the tabs of a user what happens, on this server and, by the bus, on all others; tokens only
 * go to servers that have said they want them. An event is encoded once, whoever listens; Bun holds the
 * list of subscribers, and drops one whose socket does not take what is sent.
 *
 * The bus may lose what it carries, and a server may die with something saved and not told: then
 * every tab here is told that it may have missed something.
 */
export class LiveHub {
  readonly #bus: Bus;
  readonly #serverId: string;
  readonly #watch: SenderWatch;
  #sent = 0;
  #publisher: Publisher | undefined;
  /** Users with a tab on another server that wants tokens, until when. */
  readonly #wantedElsewhere = new Map<string, number>();
  readonly #wantedHere = new Map<string, number>();
  readonly #closers: (() => void)[] = [];

  constructor(bus: Bus, serverId: string) {
    this.#bus = bus;
    this.#serverId = serverId;
    this.#watch = new SenderWatch({
      silentMs: 3 * renewMs,
      lateMs: 1_000,
      now: () => performance.now(),
      onMissed: () => this.#send(everyoneTopic, { type: "missed" }),
    });
  }

  /** Begins to hear what happens on the other servers. */
  async start(): Promise<void> {
    const heard = await this.#bus.subscribe("live", (message) => {
      const { from, number, topic, event } = message as Told;
      this.#watch.heard(from, number);
      this.#send(topic, event);
    });
    const present = await this.#bus.subscribe("live.present", (message) => {
      const { from, number, userIds, isLeaving } = message as Presence;
      this.#watch.heardOf(from, number);
      if (isLeaving) this.#watch.left(from);
      for (const userId of userIds) this.#wantedElsewhere.set(userId, Date.now() + 3 * renewMs);
    });
    this.#tellPresence([]);
    const renewal = setInterval(() => {
      const now = Date.now();
      for (const [userId, until] of this.#wantedElsewhere) {
        if (until < now) this.#wantedElsewhere.delete(userId);
      }
      this.#watch.check();
      this.#tellPresence([...this.#wantedHere.keys()]);
    }, renewMs);
    this.#closers.push(heard, present, () => clearInterval(renewal));
  }

  stop(): void {
    for (const close of this.#closers) close();
    this.#watch.stop();
    this.#tellPresence([], { isLeaving: true });
  }

  /** A tab of this server wants tokens, or no longer does. */
  wantsDeltas(userId: string, change: 1 | -1): void {
    const count = (this.#wantedHere.get(userId) ?? 0) + change;
    if (count > 0) this.#wantedHere.set(userId, count);
    else this.#wantedHere.delete(userId);
    if (count === 1 && change === 1) this.#tellPresence([userId]);
  }

  #tellPresence(userIds: string[], leaving: Pick<Presence, "isLeaving"> = {}): void {
    const presence = { from: this.#serverId, number: this.#sent, userIds, ...leaving };
    this.#bus.publish("live.present", presence satisfies Presence);
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
    const told: Told = { from: this.#serverId, number: ++this.#sent, topic, event };
    this.#bus.publish("live", told);
    this.#send(topic, event);
  }

  /** Most topics have nobody: then the event is not even encoded, which is a fifth of a frame's cost. */
  #send(topic: string, event: SocketEvent): void {
    if (!this.#publisher?.subscriberCount(topic)) return;
    this.#publisher.publish(topic, JSON.stringify(event));
  }
}
