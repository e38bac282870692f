import type { Conversation, StreamEvent, Usage } from "@peregrine/protocol";
import type { Bus } from "../bus/bus.ts";
import { AnswerLog, type LoggedEvent } from "./answer-log.ts";
import type { FrameClock } from "./frame-clock.ts";
import type { RunningAnswers } from "./running-answers.ts";

type StartedEvent = Extract<StreamEvent, { type: "started" }>;
type LastEvent = Extract<StreamEvent, { type: "done" | "error" }>;

/** What a server says to whichever one writes an answer. */
type AnswerRequest = {
  kind: "follow" | "leave" | "stop";
  answerId: string;
  userId: string;
  serverId: string;
};
type Request =
  | AnswerRequest
  | { kind: "changed"; conversation: Conversation }
  | { kind: "deleted"; conversationId: string };

/** What the server that writes an answer says to those that follow it. */
type News =
  | { kind: "snapshot"; to: string; started: StartedEvent; text: string }
  | { kind: "delta"; end: number; text: string }
  | { kind: "usage"; usage: Usage }
  | { kind: "end"; last: LastEvent };

type Mirror = { log: AnswerLog; followers: number; usage: Usage | null; close(): void };

type Options = {
  bus: Bus;
  running: RunningAnswers;
  clock: FrameClock;
  serverId: string;
};

const requests = "answers";
const newsOf = (answerId: string) => `answer:${answerId}`;
/** How long another server may take to say that it writes an answer. */
const snapshotMs = 1_000;
/** A follower says this often that it is still there; one that was silent for three is gone. */
const renewMs = 3_000;

/**
 * Answers that other servers write, for readers who came to this one, and the other way round. A
 * server that follows an answer keeps a mirror of its log, for all of its readers; the one that
 * writes it counts each such server as a follower for as long as it says that it is there.
 */
export class RemoteAnswers {
  readonly #options: Options;
  readonly #mirrors = new Map<string, Promise<Mirror | null>>();
  /** Which servers follow answers of this one, and how each is forgotten. */
  readonly #followers = new Map<string, Map<string, { timer: Timer; leave: () => void }>>();
  #unsubscribe: (() => void) | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Begins to answer for what this server writes. */
  async start(): Promise<void> {
    const { bus } = this.#options;
    this.#unsubscribe = await bus.subscribe(requests, (message) => this.#serve(message as Request));
  }

  stop(): void {
    this.#unsubscribe?.();
    for (const servers of this.#followers.values()) {
      for (const { timer } of servers.values()) clearTimeout(timer);
    }
  }

  /** Passes an event of an answer of this server on to the servers that follow it. */
  publish(answer: AnswerLog, { id, event }: LoggedEvent): void {
    const { messageId } = answer.started;
    if (!this.#followers.has(messageId)) return;
    const channel = newsOf(messageId);
    const tell = (news: News) => this.#options.bus.publish(channel, news);
    if (event.type === "delta") tell({ kind: "delta", end: id, text: event.text });
    else if (event.type === "usage") {
      const { promptTokens, completionTokens } = event;
      tell({ kind: "usage", usage: { promptTokens, completionTokens } });
    } else if (event.type !== "started") {
      tell({ kind: "end", last: event });
      this.#forgetAll(messageId);
    }
  }

  /**
   * The log of an answer that another server writes.
   *
   * @returns null if none says that it does; otherwise `leave` has to be called by each reader
   */
  async follow(
    userId: string,
    answerId: string,
  ): Promise<{ log: AnswerLog; leave(): void } | null> {
    let opening = this.#mirrors.get(answerId);
    if (!opening) {
      opening = this.#open(userId, answerId);
      this.#mirrors.set(answerId, opening);
    }
    const mirror = await opening;
    if (mirror?.log.userId !== userId) return null;
    mirror.followers++;
    let hasLeft = false;
    return {
      log: mirror.log,
      leave: () => {
        if (hasLeft) return;
        hasLeft = true;
        if (--mirror.followers === 0) this.#close(userId, answerId, mirror);
      },
    };
  }

  /** Asks whichever server writes an answer to end it. */
  askToStop(userId: string, answerId: string): void {
    this.#ask("stop", userId, answerId);
  }

  /** Ends the mirror of an answer whose server has said nothing more: the database knows how. */
  end(answerId: string, text: string, last: LastEvent, usage: Usage | null): void {
    this.#mirrors
      .get(answerId)
      ?.then((mirror) => {
        if (!mirror || mirror.log.hasEnded) return;
        mirror.log.append(text.slice(mirror.log.length));
        mirror.log.end(last, usage);
      })
      .catch(() => {});
  }

  /** Tells the others of settings that a running answer goes by. */
  conversationChanged(conversation: Conversation): void {
    this.#tell({ kind: "changed", conversation });
  }

  conversationDeleted(conversationId: string): void {
    this.#tell({ kind: "deleted", conversationId });
  }

  #ask(kind: AnswerRequest["kind"], userId: string, answerId: string): void {
    this.#tell({ kind, answerId, userId, serverId: this.#options.serverId });
  }

  #tell(request: Request): void {
    this.#options.bus.publish(requests, request);
  }

  async #open(userId: string, answerId: string): Promise<Mirror | null> {
    const { bus, clock, serverId } = this.#options;
    const arrived = Promise.withResolvers<Mirror | null>();
    let mirror: Mirror | undefined;

    const unsubscribe = await bus.subscribe(newsOf(answerId), (message) => {
      const news = message as News;
      if (news.kind === "snapshot") {
        if (news.to !== serverId) return;
        if (mirror) {
          mirror.log.append(news.text.slice(mirror.log.length));
          return;
        }
        const log = new AnswerLog(news.started, userId, clock, () => {});
        log.append(news.text);
        const renewal = setInterval(() => this.#ask("follow", userId, answerId), renewMs);
        const close = () => {
          clearInterval(renewal);
          unsubscribe();
        };
        mirror = { log, followers: 0, usage: null, close };
        arrived.resolve(mirror);
      } else if (mirror && !mirror.log.hasEnded) {
        this.#take(news, mirror, userId, answerId);
      }
    });
    this.#ask("follow", userId, answerId);
    const timer = setTimeout(() => arrived.resolve(null), snapshotMs);
    const found = await arrived.promise;
    clearTimeout(timer);
    if (!found) {
      unsubscribe();
      this.#mirrors.delete(answerId);
    }
    return found;
  }

  #take(
    news: Exclude<News, { kind: "snapshot" }>,
    mirror: Mirror,
    userId: string,
    answerId: string,
  ): void {
    const { log } = mirror;
    if (news.kind === "usage") mirror.usage = news.usage;
    else if (news.kind === "end") log.end(news.last, mirror.usage);
    else {
      const missing = news.end - log.length;
      if (missing <= 0) return;
      // Something before this was lost: the next snapshot has it.
      if (missing > news.text.length) this.#ask("follow", userId, answerId);
      else log.append(news.text.slice(news.text.length - missing));
    }
  }

  #close(userId: string, answerId: string, mirror: Mirror): void {
    mirror.close();
    this.#mirrors.delete(answerId);
    if (!mirror.log.hasEnded) this.#ask("leave", userId, answerId);
  }

  /** Another server asks about an answer: only that of the same user is spoken of. */
  #serve(request: Request): void {
    const { running } = this.#options;
    if (request.kind === "changed") running.conversationChanged(request.conversation);
    else if (request.kind === "deleted") running.conversationDeleted(request.conversationId);
    else this.#answer(request);
  }

  #answer({ kind, answerId, userId, serverId }: AnswerRequest): void {
    const { running, bus } = this.#options;
    const log = running.find(userId, answerId);
    if (!log) return;
    if (kind === "stop") running.stop(answerId).catch(() => {});
    else if (kind === "leave") this.#forget(answerId, serverId);
    else {
      this.#remember(log, serverId);
      const text = log.sentText();
      const snapshot: News = { kind: "snapshot", to: serverId, started: log.started, text };
      bus.publish(newsOf(answerId), snapshot);
    }
  }

  #remember(log: AnswerLog, serverId: string): void {
    const { messageId } = log.started;
    const servers = this.#followers.get(messageId) ?? new Map();
    this.#followers.set(messageId, servers);
    const known = servers.get(serverId);
    clearTimeout(known?.timer);
    const timer = setTimeout(() => this.#forget(messageId, serverId), 3 * renewMs);
    servers.set(serverId, { timer, leave: known?.leave ?? log.follow({ wake: () => {} }) });
  }

  #forget(answerId: string, serverId: string): void {
    const servers = this.#followers.get(answerId);
    const follower = servers?.get(serverId);
    if (!servers || !follower) return;
    clearTimeout(follower.timer);
    servers.delete(serverId);
    if (servers.size === 0) this.#followers.delete(answerId);
    follower.leave();
    this.#options.running.left(answerId);
  }

  #forgetAll(answerId: string): void {
    for (const { timer, leave } of this.#followers.get(answerId)?.values() ?? []) {
      clearTimeout(timer);
      leave();
    }
    this.#followers.delete(answerId);
  }
}

type Timer = ReturnType<typeof setTimeout>;
