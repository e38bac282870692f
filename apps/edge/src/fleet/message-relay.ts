/** What servers of a fleet say to whoever runs them, and to each other. */
export type FleetMessage =
  | { readonly type: "ready"; readonly url: string }
  /** To be told to all other servers, in the order it was sent. */
  | { readonly type: "broadcast"; readonly channel: string; readonly data: unknown }
  /** Only to a server: it has missed broadcasts, since it did not read them in time. */
  | { readonly type: "gap" };

/** One server as the relay sees it. */
export interface Receiver {
  /** Calls back when the message is written, and another can follow. */
  send(message: FleetMessage, written: (error: Error | null) => void): void;
}

/** Messages handed over and not yet written; more only pile up in the channel. */
const maxUnderWay = 64;

type Line = {
  readonly receiver: Receiver;
  queue: FleetMessage[];
  underWay: number;
  /** It fell behind: it is told so, and nothing else, once it reads again. */
  isCutOff: boolean;
};

/**
 * Passes broadcasts from each server to all others, in order. A server that does not read is not
 * waited for: beyond `maxQueued` messages its queue is dropped, and it is told of the gap once it
 * reads again, before anything that comes after.
 */
export class MessageRelay {
  readonly #maxQueued: number;
  readonly #lines = new Map<Receiver, Line>();

  constructor(maxQueued = 10_000) {
    this.#maxQueued = maxQueued;
  }

  join(receiver: Receiver): void {
    this.#lines.set(receiver, { receiver, queue: [], underWay: 0, isCutOff: false });
  }

  leave(receiver: Receiver): void {
    this.#lines.delete(receiver);
  }

  broadcast(from: Receiver, message: FleetMessage): void {
    for (const line of this.#lines.values()) {
      if (line.receiver === from || line.isCutOff) continue;
      line.queue.push(message);
      if (line.queue.length > this.#maxQueued) {
        line.queue = [];
        line.isCutOff = true;
      }
      this.#send(line);
    }
  }

  #send(line: Line): void {
    while (line.underWay < maxUnderWay) {
      // The word of the gap goes out when all before it is written, and so in its place.
      if (line.isCutOff && line.underWay === 0) {
        line.isCutOff = false;
        line.queue.unshift({ type: "gap" });
      }
      const message = line.queue.shift();
      if (message === undefined) return;
      line.underWay++;
      line.receiver.send(message, () => {
        line.underWay--;
        if (this.#lines.get(line.receiver) === line) this.#send(line);
      });
    }
  }
}
