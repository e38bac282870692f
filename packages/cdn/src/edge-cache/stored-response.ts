import type { Body } from "./body.ts";
import { fieldsOf, type HeaderLines, keepLines } from "./header-lines.ts";
import { type HeldKeys, surrogateKeys, urlKey } from "./purge-ledger.ts";
import type { Terms } from "./rules/judge.ts";
import { hasCurrent, isSameRepresentation, type Validators } from "./rules/validators.ts";
import type { Evictable } from "./stores/sieve.ts";

/** What is kept of a response, in memory and on disk. */
export type StoredHead = {
  /** Scheme, host and target: what the request was for. */
  readonly key: string;
  readonly target: string;
  /** What the request said in the fields that the response varies by. */
  readonly selection: string;
  /** ` 200 OK` */
  readonly statusLine: string;
  readonly lines: HeaderLines;
  readonly terms: Terms;
  /** When it was asked for, as the ledger of purges counts. */
  readonly askedAt: number;
};

/** For caches before this one; nobody else needs them. */
const forCaches = new Set(["surrogate-key", "cache-tag"]);
/** What a 304 says again (RFC 9110 15.4.5). */
const inNotModified = new Set([
  "cache-control",
  "content-location",
  "date",
  "etag",
  "expires",
  "vary",
  ...forCaches,
]);
/** About what a response takes beside its text and its body. */
const overheadBytes = 600;

/** The head of an answer, in the form it has for one second. */
type Composed = { second: number; ok: string; partial: string; notModified: string };

type Form = "ok" | "partial" | "notModified";

/** A response that can be served again. Its head never changes: a newer one is another object. */
export class StoredResponse implements Evictable {
  readonly head: StoredHead;
  readonly body: Body;
  readonly fields: ReadonlyMap<string, string>;
  readonly validators: Validators;
  readonly keyNames: readonly string[];
  wasUsed = false;
  /** Set while a store holds it. */
  keys: HeldKeys = [];
  readonly #plainLines: HeaderLines;
  #plain: Composed | undefined;
  #tagged: Composed | undefined;

  constructor(head: StoredHead, body: Body) {
    this.head = head;
    this.body = body;
    this.fields = fieldsOf(head.lines);
    this.validators = {
      etag: this.fields.get("etag"),
      lastModified: this.fields.get("last-modified"),
      date: this.fields.get("date"),
    };
    this.keyNames = [urlKey(head.target), ...surrogateKeys(this.fields.get("surrogate-key"))];
    this.#plainLines = keepLines(head.lines, (name) => !forCaches.has(name));
  }

  get terms(): Terms {
    return this.head.terms;
  }

  get status(): number {
    return Number(this.head.statusLine.slice(1, 4));
  }

  get bytes(): number {
    return 2 * this.head.lines.length + this.head.key.length + this.body.length + overheadBytes;
  }

  get isConditional(): boolean {
    return this.validators.etag !== undefined || this.validators.lastModified !== undefined;
  }

  /** Whether it is the answer to what a request says in the fields that it varies by. */
  isSelectedBy(selection: string): boolean {
    return this.head.selection === selection;
  }

  ageSeconds(nowMs: number): number {
    return Math.max(0, Math.floor((nowMs - this.terms.bornAtMs) / 1000));
  }

  /** Seconds that it stays fresh, negative since when it is stale. */
  ttlSeconds(nowMs: number): number {
    return Math.floor((this.terms.freshUntilMs - nowMs) / 1000);
  }

  /** Whether the parts that a client names by If-Range are of this one. */
  isSameAs(ifRange: string): boolean {
    return isSameRepresentation(this.validators, ifRange);
  }

  hasCurrent(ifNoneMatch: string | undefined, ifModifiedSince: string | undefined, nowMs: number) {
    return hasCurrent(this.validators, { ifNoneMatch, ifModifiedSince }, nowMs);
  }

  /**
   * Status line and fields, without those that frame the body and without the empty line. The same
   * text for a whole second, since nothing but its age changes.
   *
   * @param forCache whether who asks is a cache that wants the keys
   */
  headText(form: Form, nowMs: number, forCache: boolean): string {
    const second = Math.floor(nowMs / 1000);
    let composed = forCache ? this.#tagged : this.#plain;
    if (composed?.second !== second) {
      composed = this.#compose(second, nowMs, forCache ? this.head.lines : this.#plainLines);
      if (forCache) this.#tagged = composed;
      else this.#plain = composed;
    }
    return composed[form];
  }

  #compose(second: number, nowMs: number, lines: HeaderLines): Composed {
    const age = `age: ${this.ageSeconds(nowMs)}\r\n`;
    const again = keepLines(lines, (name) => inNotModified.has(name));
    return {
      second,
      partial: `HTTP/1.1 206 Partial Content\r\n${lines}${age}`,
      ok: `HTTP/1.1${this.head.statusLine}\r\n${lines}${age}`,
      notModified: `HTTP/1.1 304 Not Modified\r\n${again}${age}`,
    };
  }
}
