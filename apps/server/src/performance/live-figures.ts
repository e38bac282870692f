import type { Figures, TimedSlot } from "@peregrine/metrics";
import { figuresOf } from "@peregrine/metrics";
import { eventStreamHeaders } from "../generation/sse-encoding.ts";

const maxFollowers = 200;
const encoder = new TextEncoder();

type Follower = { send(bytes: Uint8Array): void; end(): void };

/**
 * The figures of this server, told each second to whoever watches. They are encoded once for all,
 * and not at all while nobody does.
 */
export class LiveFigures {
  readonly #followers = new Set<Follower>();

  /** A second is over. */
  readonly onSecond = ({ atMs, slot }: TimedSlot): void => {
    if (this.#followers.size === 0) return;
    const figures: Figures = figuresOf([slot], 1);
    const data = JSON.stringify({ at: new Date(atMs).toISOString(), figures });
    const bytes = encoder.encode(`id: ${atMs}\nevent: figures\ndata: ${data}\n\n`);
    for (const follower of this.#followers) follower.send(bytes);
  };

  /** @returns undefined if too many watch already */
  follow(): Response | undefined {
    if (this.#followers.size >= maxFollowers) return undefined;
    let follower: Follower;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        follower = {
          // A reader that does not keep up misses seconds, and no queue grows.
          send: (bytes) => void ((controller.desiredSize ?? 0) > -10 && controller.enqueue(bytes)),
          end: () => controller.close(),
        };
        this.#followers.add(follower);
        controller.enqueue(encoder.encode(": each second\n\n"));
      },
      cancel: () => void this.#followers.delete(follower),
    });
    return new Response(body, { headers: eventStreamHeaders });
  }

  /** Ends all streams. */
  close(): void {
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
  }
}
