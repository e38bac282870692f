import {
  type BodyReader,
  type CacheResult,
  type Flight,
  type HeaderLines,
  keepLines,
  type Landing,
  type StoredResponse,
  type Waiter,
} from "@peregrine/cdn/edge-cache";
import type { RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { Client, ClientUser } from "../proxy/client.ts";
import { createExchange } from "../proxy/create-exchange.ts";
import { EdgeError } from "../proxy/edge-error.ts";
import type { AnswerTaker } from "../proxy/exchange.ts";
import type { ProxyContext } from "../proxy/proxy-context.ts";
import { answerFrom, type Framing } from "./answer-head.ts";
import type { CacheFront } from "./cache-front.ts";
import type { ReadRequest } from "./read-cache-request.ts";
import { type FetchLeader, requestForAll, type ServerFetch } from "./server-fetch.ts";

const lineEnd = Buffer.from("\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");
/** For caches; nobody else needs them. */
const forCaches = new Set(["surrogate-key", "cache-tag"]);
const hasTags = /^(?:surrogate-key|cache-tag):/im;

/**
 * One request that the cache may answer: from what is stored, from what somebody else is being sent
 * already, or by asking a server. It reads a body at its client's pace, and whoever else reads the
 * same one does not notice.
 */
export class CachedRequest implements ClientUser, Waiter, BodyReader, FetchLeader, AnswerTaker {
  readonly client: Client;
  readonly request: ReadRequest;
  position = 0;
  readonly #front: CacheFront;
  readonly #context: ProxyContext;
  readonly #head: RequestHead;
  #hasLeft = false;
  /** Why the server is asked, as Cache-Status says it. */
  #reason = "uri-miss";
  /** What it waits for, or reads from. */
  #flight: Flight | undefined;
  /** What it has begun, and may be passed the answer of. */
  #fetch: ServerFetch | undefined;
  /** An exchange that has nothing to do with the cache but its client. */
  #exchange: ReturnType<typeof createExchange> | undefined;
  /** What it is being sent. */
  #response: StoredResponse | undefined;
  #framing: Framing = "length";
  #keepsAlive = true;

  constructor(
    front: CacheFront,
    context: ProxyContext,
    client: Client,
    head: RequestHead,
    request: ReadRequest,
  ) {
    this.#front = front;
    this.#context = context;
    this.client = client;
    this.#head = head;
    this.request = request;
  }

  begin(): void {
    this.#look(true, true);
  }

  // What the client says

  /** A GET has no body: what comes is the next request. */
  fromClient(): void {}

  clientDrained(): void {
    if (this.#exchange !== undefined) this.#exchange.clientDrained();
    else if (this.#response !== undefined) this.#flow();
    else this.#fetch?.leaderDrained();
  }

  clientLeft(): void {
    this.#hasLeft = true;
    this.#exchange?.clientLeft();
    this.#fetch?.leaderLeft();
    this.#response?.body.leave(this);
    this.#flight?.leave(this);
  }

  sweep(nowMs: number): void {
    if (this.#exchange !== undefined) this.#exchange.sweep(nowMs);
    else if (this.client.channel.isStuck(nowMs, this.#context.limits)) this.client.broke();
  }

  // What the cache says

  landed(landing: Landing): void {
    if (this.#hasLeft) return;
    const wasBegun = this.#fetch !== undefined;
    switch (landing.is) {
      case "nothing":
        this.#flight = undefined;
        this.#fetch = undefined;
        this.#look(false, true);
        return;
      case "failed":
        this.#refuse(landing.error);
        return;
      case "stale":
        this.#serve(landing.response, "stale", `fwd=${this.#reason}; detail=stale-if-error`);
        return;
      case "usable": {
        const isNew = landing.status !== 304;
        const result = wasBegun ? (isNew ? "miss" : "revalidated") : "collapsed";
        const status = `fwd=${this.#reason}; fwd-status=${landing.status}${isNew ? "; stored" : ""}`;
        this.#serve(landing.response, result, wasBegun ? status : `${status}; collapsed`);
      }
    }
  }

  bodyChanged(): void {
    this.#flow();
  }

  // What is passed on as it comes

  passes(head: ResponseHead): HeaderLines {
    this.#tell(this.#reason === "bypass" ? "bypass" : "miss");
    const { lines } = head;
    const keepsAll = this.request.isFromCache || !hasTags.test(lines);
    const kept = keepsAll ? lines : keepLines(lines, (name) => !forCaches.has(name));
    return `${kept}cache-status: ${this.#front.name}; fwd=${this.#reason}; fwd-status=${head.status}\r\n`;
  }

  take(head: ResponseHead): ResponseHead {
    this.#front.cache.useless.passed(this.request, head);
    return { ...head, lines: this.passes(head) };
  }

  #look(mayWait: boolean, mayLoad: boolean): void {
    const { cache } = this.#front;
    const nowMs = cache.now();
    const found = cache.lookup(this.request, nowMs, { mayWait, mayLoad });
    switch (found.is) {
      case "usable": {
        const { response, isStale } = found;
        if (found.renew)
          this.#front.renew(this.#context, this.client.peer, this.#head, this.request, response);
        this.#serve(response, isStale ? "stale" : "hit", `hit; ttl=${response.ttlSeconds(nowMs)}`);
        return;
      }
      case "on_disk":
        found.loaded
          .then(() => {
            if (!this.#hasLeft) this.#look(mayWait, false);
          })
          .catch((error: unknown) => this.#fault(error));
        return;
      case "on_its_way":
        if (this.#isOnlyIfCached()) return;
        this.#reason = found.flight.renewed === undefined ? "uri-miss" : "stale";
        this.#flight = found.flight;
        found.flight.join(this);
        return;
      case "expired":
        if (this.#isOnlyIfCached()) return;
        this.#reason = nowMs < found.response.terms.freshUntilMs ? "request" : "stale";
        this.#ask(found.response, mayWait);
        return;
      case "missing":
        if (this.#isOnlyIfCached()) return;
        this.#reason = found.reason;
        // What could not be kept the last time passes as if there were no cache.
        if (found.reason === "bypass" || this.request.method === "HEAD") this.#pass();
        else this.#ask(undefined, found.mayBeShared);
    }
  }

  #tell(result: CacheResult): void {
    this.#front.count(result);
    this.client.span?.set("peregrine.edge_cache", result);
  }

  // Asking the server

  #ask(renewed: StoredResponse | undefined, isShared: boolean): void {
    const flight = this.#front.cache.takeOff(this.request, { leader: this, renewed, isShared });
    this.#flight = flight;
    const isForAll = isShared || renewed !== undefined;
    this.#fetch = this.#front.fetch({
      context: this.#context,
      head: isForAll ? requestForAll(this.#head, renewed?.validators) : this.#head,
      peer: this.client.peer,
      flight,
      leader: this,
    });
    this.#fetch.begin();
  }

  #pass(): void {
    this.#exchange = createExchange(this.#context, this.client, this.#head, this);
    this.#exchange.begin();
  }

  #isOnlyIfCached(): boolean {
    if (!this.request.directives.has("only-if-cached")) return false;
    this.#refuse(
      new EdgeError("not_cached", "It is not in the cache, and nothing else was asked for."),
    );
    return true;
  }

  // Answering

  #serve(response: StoredResponse, result: CacheResult, status: string): void {
    this.#tell(result);
    const { channel } = this.client;
    const { body } = response;
    const answer = answerFrom(response, this.request, this.#head, {
      nowMs: this.#front.cache.now(),
      status: `${this.#front.name}; ${status}`,
      keepsAlive: this.#head.keepAlive && this.client.mayKeepAlive(),
    });
    const isFromCache = result === "hit" || result === "stale";
    this.client.begins(isFromCache ? "cache" : "server", answer.status);
    this.#keepsAlive =
      this.#head.keepAlive && this.client.mayKeepAlive() && answer.framing !== "until_close";
    if (answer.span === undefined || body.isWhole) {
      const { span } = answer;
      const bytes =
        span === undefined
          ? undefined
          : span === "whole"
            ? body.from(0)
            : body.from(0).subarray(span.start, span.end);
      channel.write(answer.head);
      if (bytes !== undefined) channel.write(bytes);
      this.#finish();
      return;
    }
    this.#response = response;
    this.#framing = answer.framing;
    body.join(this);
    channel.write(answer.head);
    this.#flow();
  }

  /** Sends what has come of the body, as much as the client takes. */
  #flow(): void {
    const response = this.#response;
    const { channel } = this.client;
    if (response === undefined || channel.isBlocked) return;
    const { body } = response;
    const bytes = body.from(this.position);
    if (bytes.length > 0) {
      this.position += bytes.length;
      if (this.#framing === "chunked") {
        channel.write(`${bytes.length.toString(16)}\r\n`);
        channel.write(bytes);
        channel.write(lineEnd);
      } else channel.write(bytes);
      body.moved();
    }
    if (body.isBroken) this.client.broke();
    else if (body.isWhole && this.position === body.length) {
      if (this.#framing === "chunked") channel.write(lastChunk);
      this.#finish();
    }
  }

  #finish(): void {
    this.#response?.body.leave(this);
    this.#response = undefined;
    this.#flight = undefined;
    this.#fetch = undefined;
    this.client.finished(this.#keepsAlive);
  }

  #refuse(error: Error): void {
    this.#flight = undefined;
    this.#fetch = undefined;
    const told =
      error instanceof EdgeError
        ? error
        : new EdgeError("bad_answer", "Something went wrong here.");
    this.client.refused(told, {
      isHead: this.request.method === "HEAD",
      keepsAlive: this.#head.keepAlive,
    });
  }

  #fault(error: unknown): void {
    this.#context.events.onFault(error as Error);
    if (!this.#hasLeft) this.client.broke();
  }
}
