import type { SearchBody, SearchResult } from "@peregrine/protocol";
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { describeError } from "../api/api-error.ts";

export type SearchState =
  | { name: "idle" }
  | { name: "searching" }
  | { name: "failed"; message: string }
  | { name: "found"; correctedQuery: string | null };

type Fetch = (query: string, cursor: string | null, signal: AbortSignal) => Promise<SearchBody>;

/** What is waited after a key before the server is asked. */
const pauseMs = 120;

/**
 * A search as it is typed. Each new text aborts the request before it, so that what is shown always
 * belongs to the newest; what was found last stays until then.
 */
export class Search {
  readonly state: ReadonlySignal<SearchState>;
  readonly results: ReadonlySignal<SearchResult[]>;
  readonly hasMore: ReadonlySignal<boolean>;
  readonly #state: Signal<SearchState> = signal({ name: "idle" });
  readonly #results: Signal<SearchResult[]> = signal([]);
  readonly #hasMore = signal(false);
  readonly #fetch: Fetch;
  #query = "";
  #cursor: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #request: AbortController | undefined;

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
    this.state = this.#state;
    this.results = this.#results;
    this.hasMore = this.#hasMore;
  }

  /** @param after how long to wait for more to be typed */
  type(query: string, after = pauseMs): void {
    if (query === this.#query) return;
    this.#query = query;
    this.dispose();
    if (query.trim() === "") {
      this.#show([], null);
      this.#state.value = { name: "idle" };
      return;
    }
    this.#state.value = { name: "searching" };
    this.#timer = setTimeout(() => void this.#load(null), after);
  }

  /** The next page. Nothing happens while one is on its way. */
  async more(): Promise<void> {
    if (this.#cursor === null || this.#request) return;
    await this.#load(this.#cursor);
  }

  async retry(): Promise<void> {
    this.#state.value = { name: "searching" };
    await this.#load(null);
  }

  /** Stops what is on its way. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#request = undefined;
  }

  async #load(cursor: string | null): Promise<void> {
    const request = new AbortController();
    this.#request = request;
    try {
      const page = await this.#fetch(this.#query, cursor, request.signal);
      if (request.signal.aborted) return;
      const before = cursor === null ? [] : this.#results.peek();
      this.#show([...before, ...page.results], page.nextCursor);
      this.#state.value = { name: "found", correctedQuery: page.correctedQuery };
    } catch (error) {
      if (request.signal.aborted) return;
      this.#state.value = { name: "failed", message: describeError(error) };
    } finally {
      if (this.#request === request) this.#request = undefined;
    }
  }

  #show(results: SearchResult[], cursor: string | null): void {
    this.#results.value = results;
    this.#cursor = cursor;
    this.#hasMore.value = cursor !== null;
  }
}
