import type { Ending } from "./answer-player.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { HttpRequest } from "./http-request-parser.ts";

/** One request for an answer, as the server saw it. */
export type RecordedRequest = {
  path: string;
  headers: Record<string, string>;
  body: Record<string, unknown>;
  /** On the clock of `performance.now()`. */
  receivedMs: number;
  tokensSent: number;
  /** How its answer ended; undefined while it runs. */
  ending: Ended | undefined;
};

type Ended = { how: Ending; atMs: number };

const maxRecorded = 10_000;

/** The requests for answers that came, oldest first; the last 10,000. */
export class RequestLog {
  readonly requests: RecordedRequest[] = [];
  openStreams = 0;

  begin(request: HttpRequest, chat: ChatRequest): RecordedRequest {
    const recorded: RecordedRequest = {
      path: request.path,
      headers: request.headers,
      body: chat.body,
      receivedMs: performance.now(),
      tokensSent: 0,
      ending: undefined,
    };
    this.openStreams++;
    this.requests.push(recorded);
    if (this.requests.length > maxRecorded) this.requests.shift();
    return recorded;
  }

  end(recorded: RecordedRequest, how: Ending, tokensSent: number): void {
    this.openStreams--;
    recorded.tokensSent = tokensSent;
    recorded.ending = { how, atMs: performance.now() };
  }
}
