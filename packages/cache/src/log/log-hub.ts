import { type Clock, SystemClock } from "../clock.ts";
import type { IpcChannel, MemberMessage, ToHub } from "./ipc-messages.ts";
import { LogBook } from "./log-book.ts";

/**
 * The middle of the log for the processes of one machine without Redis: lives in their parent,
 * which attaches a channel for each child. The children use `ipcTransport` on theirs.
 */
export class LogHub {
  readonly #book: LogBook;
  readonly #channels = new Set<IpcChannel>();
  readonly #channelOf = new Map<string, IpcChannel>();

  constructor(options: { leaseMs?: number; clock?: Clock } = {}) {
    this.#book = new LogBook({
      clock: options.clock ?? new SystemClock(),
      aliveForMs: 2 * (options.leaseMs ?? DEFAULT_LEASE_MS),
      onRecord: (epoch, record) => {
        for (const channel of this.#channels) send(channel, { kind: "record", epoch, record });
      },
    });
  }

  /** Takes a process in. Call the result when its channel has closed. */
  attach(channel: IpcChannel): () => void {
    this.#channels.add(channel);
    const stop = channel.listen((message) => {
      if (isToHub(message)) this.#answer(channel, message);
    });
    return () => {
      stop();
      this.#channels.delete(channel);
      for (const [node, owner] of this.#channelOf) {
        if (owner === channel) this.#channelOf.delete(node);
      }
    };
  }

  #answer(channel: IpcChannel, message: ToHub): void {
    const { request } = message;
    let result: unknown;
    switch (request.kind) {
      case "join":
        this.#channelOf.set(request.node, channel);
        result = this.#book.join(request.node);
        break;
      case "beat":
        result = this.#book.beat(request);
        break;
      case "append":
        result = this.#book.append(request.record);
        break;
      case "ack": {
        const { node, epoch, seq } = request;
        const writer = this.#channelOf.get(request.writer);
        if (writer !== undefined) send(writer, { kind: "acked", node, epoch, seq });
        break;
      }
      case "leave":
        this.#book.leave(request.node);
        break;
    }
    send(channel, { kind: "reply", call: message.call, result });
  }
}

const DEFAULT_LEASE_MS = 600;

/** A process that has just died takes no more messages; that must not keep the others from theirs. */
function send(channel: IpcChannel, message: MemberMessage): void {
  try {
    channel.send({ cacheLog: "to-member", ...message });
  } catch {
    // Its lease runs out, and whoever attached it calls the detachment when it has ended.
  }
}

function isToHub(message: unknown): message is ToHub {
  return (
    typeof message === "object" &&
    message !== null &&
    "cacheLog" in message &&
    message.cacheLog === "to-hub"
  );
}
