import type { CacheRequest } from "../cache-request.ts";
import type { HeldKeys, PurgeLedger } from "../purge-ledger.ts";
import type { Terms } from "../rules/judge.ts";
import { selectionOf } from "../rules/vary.ts";
import type { StoredHead, StoredResponse } from "../stored-response.ts";
import { type Evictable, Sieve } from "./sieve.ts";

/** Where a response is on disk, and what has to be known of it before it is read. */
export type DiskEntry = Evictable & {
  /** Of its file. */
  readonly name: string;
  readonly head: Pick<StoredHead, "key" | "selection" | "askedAt"> &
    Pick<Terms, "vary" | "isPublic">;
  readonly keys: HeldKeys;
  loading: Promise<StoredResponse | undefined> | undefined;
};

type Options = {
  readonly maxBytes: number;
  readonly ledger: PurgeLedger;
  readonly onEvict: (bytes: number) => void;
  /** A file of this name is no longer wanted. */
  readonly onGone: (name: string) => void;
};

const blockBytes = 4096;

/** What of a disk is known in memory, about 500 bytes an entry, and how much of the disk it takes. */
export class DiskIndex {
  readonly #options: Options;
  readonly #byKey = new Map<string, DiskEntry[]>();
  readonly #sieve: Sieve<DiskEntry>;

  constructor(options: Options) {
    this.#options = options;
    this.#sieve = new Sieve(options.maxBytes, (entry) => {
      options.onEvict(entry.bytes);
      this.#forget(entry);
    });
  }

  get bytes(): number {
    return this.#sieve.bytes;
  }

  get size(): number {
    return this.#sieve.size;
  }

  /** The entry for a request, if there is one. */
  find(request: CacheRequest): DiskEntry | undefined {
    for (const entry of this.#byKey.get(request.key) ?? []) {
      const { vary, selection, isPublic } = entry.head;
      if (request.hasCookie && !isPublic) continue;
      if (selectionOf(vary, request.read) !== selection) continue;
      if (!this.#isPurged(entry)) return entry;
      this.remove(entry);
    }
    return undefined;
  }

  entryOf({ key, selection }: Pick<StoredHead, "key" | "selection">): DiskEntry | undefined {
    return this.#byKey.get(key)?.find((each) => each.head.selection === selection);
  }

  /** Takes the place of the one with the same key and selection. */
  add(name: string, { head, keyNames }: StoredResponse, bodyBytes: number): void {
    const { ledger, onGone } = this.#options;
    const { key, selection, askedAt, terms, lines } = head;
    this.removeOf(head);
    const fileBytes = bodyBytes + lines.length + key.length + blockBytes;
    const entry: DiskEntry = {
      name,
      head: { key, selection, askedAt, vary: terms.vary, isPublic: terms.isPublic },
      keys: ledger.hold(keyNames),
      bytes: Math.ceil(fileBytes / blockBytes) * blockBytes,
      wasUsed: false,
      loading: undefined,
    };
    if (this.#isPurged(entry)) {
      ledger.release(entry.keys);
      onGone(name);
      return;
    }
    this.#sieve.add(entry);
    const others = this.#byKey.get(key);
    if (others === undefined) this.#byKey.set(key, [entry]);
    else others.unshift(entry);
  }

  remove(entry: DiskEntry): void {
    if (this.#sieve.remove(entry)) this.#forget(entry);
  }

  removeOf(head: Pick<StoredHead, "key" | "selection">): void {
    const entry = this.entryOf(head);
    if (entry !== undefined) this.remove(entry);
  }

  removePurged(): void {
    for (const entry of [...this.#sieve.items()]) if (this.#isPurged(entry)) this.remove(entry);
  }

  removeAll(): void {
    for (const entry of [...this.#sieve.items()]) this.remove(entry);
  }

  #isPurged(entry: DiskEntry): boolean {
    return this.#options.ledger.isPurged(entry.keys, entry.head.askedAt);
  }

  #forget(entry: DiskEntry): void {
    const { ledger, onGone } = this.#options;
    ledger.release(entry.keys);
    const left = this.#byKey.get(entry.head.key)?.filter((each) => each !== entry) ?? [];
    if (left.length === 0) this.#byKey.delete(entry.head.key);
    else this.#byKey.set(entry.head.key, left);
    onGone(entry.name);
  }
}
