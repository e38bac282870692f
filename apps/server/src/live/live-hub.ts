import type { SocketEvent } from "@peregrine/protocol";
import type { AnswerLog, LoggedEvent } from "../generation/answer-log.ts";

/** The part of Bun's server that sends to everyone who subscribed to a topic. */
type Publisher = {
  publish(topic: string, text: string): number;
  subscriberCount(topic: string): number;
  readonly pendingWebSockets: number;
};

/** What happens to one user, for all of their tabs. */
export const userTopic = (userId: string) => `user:${userId}`;
/** The tokens of that user's answers, for those tabs that want them here. */
export const deltaTopic = (userId: string) => `deltas:${userId}`;

/**
 * Tells the tabs of a user what happens. An event is encoded once, whoever listens; Bun holds the
 * list of subscribers, and drops one whose socket does not take what is sent.
 */
export class LiveHub {
  #publisher: Publisher | undefined;

  /** Events before this have nobody to go to. */
  attach(publisher: Publisher): void {
    this.#publisher = publisher;
  }

  get openSockets(): number {
    return this.#publisher?.pendingWebSockets ?? 0;
  }

  publish(userId: string, event: SocketEvent): void {
    this.#send(userTopic(userId), event);
  }

  /** An event of an answer, as it goes out to its stream. */
  publishAnswerEvent(answer: AnswerLog, { id, event }: Pick<LoggedEvent, "id" | "event">): void {
    const { conversationId, messageId } = answer.started;
    const topic = event.type === "delta" ? deltaTopic(answer.userId) : userTopic(answer.userId);
    const socketEvent: SocketEvent = { type: "answer", conversationId, messageId, id, event };
    this.#send(topic, socketEvent);
  }

  /** Most topics have nobody: then the event is not even encoded, which is a fifth of a frame's cost. */
  #send(topic: string, event: SocketEvent): void {
    if (!this.#publisher?.subscriberCount(topic)) return;
    this.#publisher.publish(topic, JSON.stringify(event));
  }
}
