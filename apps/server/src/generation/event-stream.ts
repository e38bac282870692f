import type { AnswerLog, LoggedEvent } from "./answer-log.ts";
import { eventStreamHeaders, keepAliveComment } from "./sse-encoding.ts";

const keepAliveMs = 15_000;
const bufferedBytes = 64 * 1024;

/**
 * The answer's events as an SSE response, from after event `afterId` (-1 for all) to the end.
 *
 * The connection holds no queue of events: when its reader is slow it stays where it is in the log,
 * and takes all it missed as one delta once there is room again.
 *
 * @param onLeave called once, when the reader has gone or has been sent the end
 */
export function streamAnswer(log: AnswerLog, afterId: number, onLeave: () => void): Response {
  let position = afterId;
  let hasLeft = false;
  let isSending = false;
  let keepAlive: ReturnType<typeof setInterval>;
  let unfollow: () => void;

  function leave(): void {
    if (hasLeft) return;
    hasLeft = true;
    clearInterval(keepAlive);
    unfollow();
    onLeave();
  }

  function send(controller: ReadableStreamDefaultController<Uint8Array>): void {
    // Enqueuing pulls, which sends: what is within one call goes out once.
    if (isSending || hasLeft || (controller.desiredSize ?? 0) <= 0) return;
    isSending = true;
    for (const { id, bytes } of log.after(position)) {
      position = id;
      controller.enqueue(bytes);
    }
    isSending = false;
    if (log.hasEnded) {
      leave();
      controller.close();
    }
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        unfollow = log.follow({ wake: () => send(controller) });
        keepAlive = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(keepAliveComment);
        }, keepAliveMs);
        send(controller);
      },
      pull: send,
      cancel: leave,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: bufferedBytes }),
  );
  return new Response(body, { headers: eventStreamHeaders });
}

/** The events of an answer that has ended, as a whole SSE response. */
export function replayResponse(events: LoggedEvent[]): Response {
  return new Response(Buffer.concat(events.map((entry) => entry.bytes)), {
    headers: eventStreamHeaders,
  });
}
