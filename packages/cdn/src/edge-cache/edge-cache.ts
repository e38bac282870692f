import type { CacheRequest } from "./cache-request.ts";
import type { EdgeCacheEvents } from "./edge-cache-events.ts";
import { Flight, type FlightOptions } from "./flight.ts";
import type { Lookup } from "./lookup.ts";
import { PurgeLedger, tagKey, urlKey } from "./purge-ledger.ts";
import { selectionOf } from "./rules/vary.ts";
import type { StoredResponse } from "./stored-response.ts";
import { DiskStore } from "./stores/disk-store.ts";
import { MemoryStore } from "./stores/memory-store.ts";
import { usabilityOf } from "./usability-of.ts";
import { UselessMarks } from "./useless-marks.ts";

export type EdgeCacheOptions = {
  /** Of responses in memory, those that are on their way included. */
  readonly memoryBytes: number;
  readonly disk?: { readonly directory: string; readonly maxBytes: number } | undefined;
  readonly events?: EdgeCacheEvents;
  /** Wall clock, in milliseconds. */
  readonly now?: () => number;
};

export type EdgeCacheFigures = {
  readonly memoryBytes: number;
  readonly memoryEntries: number;
  readonly diskBytes: number;
  readonly diskEntries: number;
  /** Requests to servers that others may wait for. */
  readonly flights: number;
  /** Requests of clients that wait for what one of those brings. */
  readonly waiting: number;
};

/** The largest part of the memory that one response may have. */
const largestShare = 1 / 8;
/** The part of the memory that responses on their way may have. */
const underWayShare = 1 / 2;

/**
 * A shared HTTP cache (RFC 9111) that knows nothing of sockets: what it keeps, whom it may be given
 * to, who asks the server when several want the same, and what a purge removes.
 *
 * Memory comes before disk. A response is in memory whole, so that a hit is one write; the largest
 * may have an eighth of it. What is purged is never served again, not by a request that was under way
 * when the purge came either, and not after a restart.
 */
export class EdgeCache {
  readonly ledger: PurgeLedger;
  readonly events: EdgeCacheEvents;
  readonly now: () => number;
  readonly #memory: MemoryStore;
  readonly #disk: DiskStore | undefined;
  readonly #flights = new Map<string, Flight[]>();
  readonly useless: UselessMarks;
  readonly #maxBytes: number;
  #underWayBytes = 0;

  constructor({ memoryBytes, disk, events = {}, now = Date.now }: EdgeCacheOptions) {
    this.now = now;
    this.events = events;
    this.ledger = new PurgeLedger(now);
    this.useless = new UselessMarks(now);
    this.#maxBytes = memoryBytes;
    this.#memory = new MemoryStore(
      memoryBytes,
      (response) => events.onEvict?.("memory", response.bytes),
      (response) => this.ledger.release(response.keys),
    );
    this.#disk =
      disk &&
      new DiskStore({
        ...disk,
        ledger: this.ledger,
        now,
        onEvict: (bytes) => events.onEvict?.("disk", bytes),
        onTrouble: (error) => events.onDiskTrouble?.(error),
        onWell: () => events.onDiskWell?.(),
      });
  }

  /** Resolves when all that an earlier process left on disk is known. */
  get rebuilt(): Promise<void> {
    return this.#disk?.rebuilt ?? Promise.resolve();
  }

  get figures(): EdgeCacheFigures {
    const flights = [...this.#flights.values()].flat();
    return {
      memoryBytes: this.#memory.bytes + this.#underWayBytes,
      memoryEntries: this.#memory.size,
      diskBytes: this.#disk?.bytes ?? 0,
      diskEntries: this.#disk?.size ?? 0,
      flights: flights.length,
      waiting: flights.reduce((sum, flight) => sum + flight.waiting, 0),
    };
  }

  /**
   * @param mayWait false for one that has waited in vain, and is not to wait again
   * @param mayLoad false for one that has waited for the disk
   */
  lookup(
    request: CacheRequest,
    nowMs: number,
    { mayWait = true, mayLoad = true }: { mayWait?: boolean; mayLoad?: boolean } = {},
  ): Lookup {
    if (request.isForServer) return { is: "missing", reason: "bypass", mayBeShared: false };
    const variants = this.#memory.variants(request.key);
    const response = variants && this.#select(variants, request);
    if (response !== undefined) {
      response.wasUsed = true;
      return this.#assess(response, request, nowMs, mayWait);
    }
    const disk = mayLoad ? this.#disk : undefined;
    const entry = disk?.find(request);
    if (disk !== undefined && entry !== undefined) {
      return { is: "on_disk", loaded: this.#fromDisk(disk, entry) };
    }
    return this.#missing(request, variants, mayWait);
  }

  /** Begins to ask the server. Who begins it says what comes of it, and ends it. */
  takeOff(request: CacheRequest, options: FlightOptions): Flight {
    const flight = new Flight(this, request, options);
    const others = this.#flights.get(request.key);
    if (others === undefined) this.#flights.set(request.key, [flight]);
    else others.push(flight);
    return flight;
  }

  /** Removes what carries one of these tags. Resolves once it would outlast a crash. */
  purgeTags(tags: readonly string[]): Promise<void> {
    return this.#purge(tags.map(tagKey));
  }

  /** Removes what was asked for with this target, under whatever host, in each of its variants. */
  purgeTarget(target: string): Promise<void> {
    return this.#purge([urlKey(target)]);
  }

  purgeAll(): Promise<void> {
    const at = this.ledger.tick();
    this.ledger.purgeAll(at);
    this.events.onPurge?.(1);
    return this.#disk?.record([null], at) ?? Promise.resolve();
  }

  /**
   * Removes what a change has made old (RFC 9111 4.4): what was at its target, and where else its
   * answer says, on the same origin.
   */
  invalidate(origin: string, target: string, locations: readonly (string | undefined)[]): void {
    const keys = new Set([urlKey(target)]);
    for (const location of locations) {
      if (location === undefined || !URL.canParse(location, origin + target)) continue;
      const url = new URL(location, origin + target);
      if (url.origin === new URL(origin).origin) keys.add(urlKey(url.pathname + url.search));
    }
    // What is on its way is met by the ledger; only what may be on disk has to be written down.
    const kept = [...keys].filter(
      (key) => this.ledger.isHeld(key) || this.#disk?.isRebuilt === false,
    );
    const at = this.ledger.tick();
    for (const key of keys) this.ledger.purge(key, at);
    if (kept.length === 0) return;
    this.events.onPurge?.(kept.length);
    this.#disk?.record(kept, at).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#disk?.close();
  }

  // What flights say

  /** The largest response that is kept. */
  get maxResponseBytes(): number {
    return Math.floor(this.#maxBytes * largestShare);
  }

  /** Takes so much memory for a response on its way. @returns whether there is room */
  reserve(bytes: number): boolean {
    if (this.#underWayBytes + bytes > this.#maxBytes * underWayShare) return false;
    this.#underWayBytes += bytes;
    return true;
  }

  unreserve(bytes: number): void {
    this.#underWayBytes -= bytes;
  }

  landed(flight: Flight, askedAt: number): void {
    this.ledger.arrive(askedAt);
    const { key } = flight.request;
    const left = this.#flights.get(key)?.filter((each) => each !== flight) ?? [];
    if (left.length === 0) this.#flights.delete(key);
    else this.#flights.set(key, left);
  }

  /** @returns whether it is kept: not if it was purged since it was asked for */
  store(response: StoredResponse): boolean {
    const { key, selection, askedAt } = response.head;
    const rival = this.#memory.variants(key)?.find((each) => each.isSelectedBy(selection));
    if (rival !== undefined && rival.head.askedAt > askedAt) return true;
    if (!this.#hold(response)) return false;
    this.events.onStore?.(response.bytes);
    this.#disk?.save(response);
    return true;
  }

  /** The server has something else by now, or nothing that may be kept. */
  drop(response: StoredResponse): void {
    this.#memory.remove(response);
    this.#disk?.remove(response.head);
  }

  // Finding

  #select(variants: readonly StoredResponse[], request: CacheRequest): StoredResponse | undefined {
    for (const response of variants) {
      const { vary, isPublic } = response.terms;
      if (request.hasCookie && !isPublic) continue;
      if (vary.length > 0 && !response.isSelectedBy(selectionOf(vary, request.read))) continue;
      if (!this.ledger.isPurged(response.keys, response.head.askedAt)) return response;
      this.drop(response);
    }
    return undefined;
  }

  #assess(
    response: StoredResponse,
    request: CacheRequest,
    nowMs: number,
    mayWait: boolean,
  ): Lookup {
    const use = usabilityOf(response, request, nowMs);
    if (use !== "expired") {
      const renew = use === "stale_while_renewed" && this.#flightFor(response) === undefined;
      return { is: "usable", response, isStale: use !== "fresh", renew };
    }
    // Nothing of the answer may be kept, not even that what is stored is still good.
    if (request.directives.has("no-store")) {
      return { is: "missing", reason: "bypass", mayBeShared: false };
    }
    const flight = mayWait ? this.#flightFor(response) : undefined;
    return flight === undefined ? { is: "expired", response } : { is: "on_its_way", flight };
  }

  #missing(
    request: CacheRequest,
    variants: readonly StoredResponse[] | undefined,
    mayWait: boolean,
  ): Lookup {
    const isPlain = request.method === "GET" && request.range === undefined;
    if (isPlain && mayWait) {
      for (const flight of this.#flights.get(request.key) ?? []) {
        if (flight.takes(request)) return { is: "on_its_way", flight };
      }
    }
    const isUseless = this.useless.has(request);
    const hasCredentials = request.hasCookie || request.hasAuthorization;
    return {
      is: "missing",
      reason: isUseless ? "bypass" : variants === undefined ? "uri-miss" : "vary-miss",
      mayBeShared:
        isPlain && mayWait && !isUseless && !hasCredentials && !request.directives.has("no-store"),
    };
  }

  #flightFor(response: StoredResponse): Flight | undefined {
    return this.#flights.get(response.head.key)?.find((flight) => flight.renews(response));
  }

  async #fromDisk(disk: DiskStore, entry: Parameters<DiskStore["load"]>[0]): Promise<void> {
    const response = await disk.load(entry);
    if (response === undefined) return;
    // It was stored when there was more memory.
    if (response.body.length > this.maxResponseBytes) disk.remove(response.head);
    // Another one of those who waited may have been first.
    else if (!this.#memory.has(response)) this.#hold(response);
  }

  #hold(response: StoredResponse): boolean {
    const keys = this.ledger.hold(response.keyNames);
    if (this.ledger.isPurged(keys, response.head.askedAt)) {
      this.ledger.release(keys);
      return false;
    }
    response.keys = keys;
    this.#memory.put(response, this.#underWayBytes);
    return true;
  }

  async #purge(keys: readonly string[]): Promise<void> {
    const at = this.ledger.tick();
    for (const key of keys) this.ledger.purge(key, at);
    this.events.onPurge?.(keys.length);
    await this.#disk?.record(keys, at);
  }
}
