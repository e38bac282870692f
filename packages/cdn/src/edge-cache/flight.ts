import { Body } from "./body.ts";
import type { CacheRequest } from "./cache-request.ts";
import type { EdgeCache } from "./edge-cache.ts";
import { freshenedLines, storedLines } from "./freshen.ts";
import { fieldsOf, type HeaderLines } from "./header-lines.ts";
import { isAbout } from "./rules/validators.ts";
import { selectionOf } from "./rules/vary.ts";
import { type StoredHead, StoredResponse } from "./stored-response.ts";
import { termsOf } from "./terms-of.ts";

/** The head of what a server answered, without what is of one hop. */
export type ServerAnswer = {
  readonly status: number;
  /** ` 200 OK` */
  readonly statusLine: string;
  readonly lines: HeaderLines;
  /** Of its body, where that is known before it comes. */
  readonly contentLength: number | undefined;
};

/** What has become of a flight, for those who wait for it. */
export type Landing =
  /** There is a response; its body may still be on its way. @see ServerAnswer.status */
  | { readonly is: "usable"; readonly response: StoredResponse; readonly status: number }
  /** The server failed, and what was stored does instead. */
  | { readonly is: "stale"; readonly response: StoredResponse }
  /** It brought nothing for those who wait: each is to ask for itself. */
  | { readonly is: "nothing" }
  /** There was no answer at all. */
  | { readonly is: "failed"; readonly error: Error };

/** Who waits for what a flight brings. */
export interface Waiter {
  readonly request: CacheRequest;
  landed(landing: Landing): void;
}

/**
 * What is to be done with an answer: `fill` its body in for all, throw it away since it has said all
 * that was asked (`done`), or `pass` it to the one who began the flight and nobody else.
 */
export type Verdict = "fill" | "done" | "pass";

export type FlightOptions = {
  /** Who began it; nobody where the cache itself wants it, which then is never abandoned. */
  readonly leader: Waiter | undefined;
  /** What the server is asked about. */
  readonly renewed: StoredResponse | undefined;
  /** Whether others may wait for it before it is known what it brings. */
  readonly isShared: boolean;
};

const serverErrors = new Set([500, 502, 503, 504]);
/** Reserved for a body whose length is not known. */
const firstBytes = 16 << 10;

/**
 * One request to a server, for all who want what it will bring. Who waits is told when its head has
 * come, and reads its body while that comes. It goes on when the one who began it leaves, as long as
 * another waits or reads.
 */
export class Flight {
  readonly request: CacheRequest;
  readonly renewed: StoredResponse | undefined;
  /** Called when nobody would miss it any longer. */
  onAbandoned: (() => void) | undefined;
  /** Called when its sender, having been told to wait, may go on. */
  onCaughtUp: (() => void) | undefined;
  readonly #cache: EdgeCache;
  readonly #isShared: boolean;
  readonly #isForCache: boolean;
  readonly #waiters = new Set<Waiter>();
  readonly #askedAt: number;
  readonly #askedAtMs: number;
  #leader: Waiter | undefined;
  /** What is on its way, once its head has come and it may be given to others. */
  #response: StoredResponse | undefined;
  #reservedBytes = 0;
  #isOver = false;

  constructor(cache: EdgeCache, request: CacheRequest, options: FlightOptions) {
    this.#cache = cache;
    this.request = request;
    this.renewed = options.renewed;
    this.#leader = options.leader;
    this.#isForCache = options.leader === undefined;
    this.#isShared = options.isShared;
    this.#askedAt = cache.ledger.depart();
    this.#askedAtMs = cache.now();
  }

  /** How many wait for its head. */
  get waiting(): number {
    if (this.#response !== undefined) return 0;
    return this.#waiters.size + (this.#leader === undefined ? 0 : 1);
  }

  get #isWanted(): boolean {
    const isAwaited = this.#leader !== undefined || this.#waiters.size > 0;
    return isAwaited || this.#isForCache || this.#response?.body.hasReaders === true;
  }

  /** Whether it will say if this response is still good. */
  renews(response: StoredResponse): boolean {
    return this.#isShared && this.renewed === response && this.#response === undefined;
  }

  /** Whether it may bring what a request asks for, which nothing stored does. */
  takes(request: CacheRequest): boolean {
    const response = this.#response;
    if (response !== undefined) return this.#mayHave(request, response);
    // Whether it may be given to somebody with a cookie is not known yet.
    const hasCredentials = request.hasCookie || request.hasAuthorization;
    return this.#isShared && this.renewed === undefined && !hasCredentials;
  }

  join(waiter: Waiter): void {
    const response = this.#response;
    if (response === undefined) this.#waiters.add(waiter);
    else waiter.landed({ is: "usable", response, status: response.status });
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#leader === waiter) this.#leader = undefined;
    this.left();
  }

  /** Somebody reads it no longer. */
  left(): void {
    if (!this.#isWanted) this.onAbandoned?.();
  }

  /** The head of the answer has come. Tells all who wait what that means for them. */
  answered(answer: ServerAnswer): Verdict {
    const { renewed } = this;
    if (answer.status === 304 && renewed !== undefined) {
      this.#freshen(answer, renewed);
      return "done";
    }
    if (serverErrors.has(answer.status) && this.#landStale()) return "done";
    const isError = answer.status >= 500;
    // Whatever may be kept of it, what was stored is no longer what the server has.
    if (renewed !== undefined && !isError) this.#cache.drop(renewed);
    const response = this.#keepable(answer);
    if (response === undefined) {
      this.#land({ is: "nothing" }, false);
      return "pass";
    }
    this.#response = response;
    response.body.onCaughtUp = () => this.onCaughtUp?.();
    this.#tellAll((waiter) =>
      waiter === this.#leader || this.#mayHave(waiter.request, response)
        ? { is: "usable", response, status: answer.status }
        : { is: "nothing" },
    );
    return "fill";
  }

  /** The server could not be asked, or did not answer. */
  failed(error: Error): void {
    if (this.#response !== undefined) this.broke();
    else if (!this.#landStale()) this.#land({ is: "failed", error });
  }

  /** Whether its sender is to wait until readers have caught up. */
  get isAhead(): boolean {
    return this.#response?.body.isAhead === true;
  }

  /** A piece of the body that is to be filled in. */
  filled(bytes: Uint8Array): void {
    const body = this.#response?.body;
    if (body === undefined) return;
    body.append(bytes);
    const more = body.heldBytes - this.#reservedBytes;
    if (!body.isKept || more <= 0) return;
    const isTooLarge = body.length > this.#cache.maxResponseBytes;
    if (!isTooLarge && this.#cache.reserve(more)) {
      this.#reservedBytes += more;
      return;
    }
    body.letGo();
    if (isTooLarge) this.#cache.useless.found(this.request, { status: 200, lines: "" });
    this.#end();
  }

  /** The body is whole: from here on it is served from the store. */
  filledUp(): void {
    const response = this.#response;
    if (response === undefined) return;
    const wasOver = this.#isOver;
    this.#end();
    response.body.seal();
    // Before readers are told: one that has it all may ask for it again at once.
    if (!wasOver && response.body.isKept) this.#cache.store(response);
    response.body.announce();
  }

  /** The body broke off, or nobody wants it any longer. */
  broke(): void {
    this.#end();
    this.#response?.body.breakOff();
  }

  #freshen(answer: ServerAnswer, renewed: StoredResponse): void {
    const fields = fieldsOf(answer.lines);
    const said = { etag: fields.get("etag"), lastModified: fields.get("last-modified") };
    const lines = freshenedLines(renewed.head.lines, answer.lines);
    const head = isAbout(renewed.validators, said)
      ? this.#headOf(lines, renewed.status, renewed.head.statusLine)
      : undefined;
    const response = head && new StoredResponse(head, renewed.body);
    if (response !== undefined && this.#cache.store(response)) {
      this.#land({ is: "usable", response, status: 304 });
      return;
    }
    // It may not be kept any longer, was purged meanwhile, or is not what the server speaks of: all
    // ask again, without it.
    this.#cache.drop(renewed);
    this.#land({ is: "nothing" });
  }

  /** The answer as it will be stored, where it may be. */
  #keepable(answer: ServerAnswer): StoredResponse | undefined {
    const head = this.#headOf(answer.lines, answer.status, answer.statusLine);
    if (head === undefined || (answer.contentLength ?? 0) > this.#cache.maxResponseBytes) {
      this.#cache.useless.found(this.request, answer);
      return undefined;
    }
    const response = new StoredResponse(head, new Body(answer.contentLength));
    const reservedBytes = answer.contentLength ?? firstBytes;
    if (this.#isPurged(response) || !this.#cache.reserve(reservedBytes)) return undefined;
    this.#reservedBytes = reservedBytes;
    return response;
  }

  #headOf(lines: HeaderLines, status: number, statusLine: string): StoredHead | undefined {
    const { request } = this;
    const answeredAtMs = this.#cache.now();
    const terms = termsOf(request, {
      status,
      lines,
      isRenewal: this.renewed !== undefined,
      askedAtMs: this.#askedAtMs,
      answeredAtMs,
    });
    if (terms === undefined) return undefined;
    return {
      key: request.key,
      target: request.target,
      selection: selectionOf(terms.vary, request.read),
      statusLine,
      lines: storedLines(lines, answeredAtMs),
      terms,
      askedAt: this.#askedAt,
    };
  }

  /** Whether what is on its way is an answer to this request too. */
  #mayHave(request: CacheRequest, response: StoredResponse): boolean {
    const { terms, body } = response;
    if (!body.isKept || body.isBroken || request.method !== "GET") return false;
    if (request.range !== undefined || (request.hasCookie && !terms.isPublic)) return false;
    const selection = selectionOf(terms.vary, request.read);
    return response.isSelectedBy(selection) && !this.#isPurged(response);
  }

  #isPurged(response: StoredResponse): boolean {
    const { ledger } = this.#cache;
    const keys = ledger.hold(response.keyNames);
    const isPurged = ledger.isPurged(keys, this.#askedAt);
    ledger.release(keys);
    return isPurged;
  }

  /** @returns whether what is stored does where the server fails (RFC 5861) */
  #landStale(): boolean {
    const response = this.renewed;
    if (response === undefined) return false;
    const { freshUntilMs, ifErrorMs } = response.terms;
    if (this.#cache.now() >= freshUntilMs + ifErrorMs) return false;
    this.#land({ is: "stale", response });
    return true;
  }

  #land(landing: Landing, tellsLeader = true): void {
    this.#end();
    const leader = this.#leader;
    if (!tellsLeader) this.#leader = undefined;
    this.#tellAll(() => landing);
    if (!tellsLeader) this.#leader = leader;
  }

  #tellAll(landingOf: (waiter: Waiter) => Landing): void {
    const all = [...this.#waiters];
    if (this.#leader !== undefined) all.unshift(this.#leader);
    this.#waiters.clear();
    for (const waiter of all) waiter.landed(landingOf(waiter));
  }

  /** Nobody can join it any longer. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cache.unreserve(this.#reservedBytes);
    this.#cache.landed(this, this.#askedAt);
  }
}
