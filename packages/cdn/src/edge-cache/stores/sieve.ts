/** What a store can evict. */
export interface Evictable {
  readonly bytes: number;
  /** Set by whoever uses it; an item that was used gets another round. */
  wasUsed: boolean;
}

type Node<T> = { item: T; newer: Node<T> | undefined; older: Node<T> | undefined };

/**
 * Which of many items go when there are too many bytes: SIEVE (Zhang et al., NSDI 2024). Items stand
 * in the order they came; a hand goes from the oldest to the newest, spares what was used since it
 * last came by, and takes the first that was not. Using an item sets a mark and moves nothing.
 */
export class Sieve<T extends Evictable> {
  readonly #maxBytes: number;
  readonly #onEvict: (item: T) => void;
  readonly #nodes = new Map<T, Node<T>>();
  #newest: Node<T> | undefined;
  #oldest: Node<T> | undefined;
  #hand: Node<T> | undefined;
  #bytes = 0;

  /** @param onEvict told of what had to go, once it is gone */
  constructor(maxBytes: number, onEvict: (item: T) => void) {
    this.#maxBytes = maxBytes;
    this.#onEvict = onEvict;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#nodes.size;
  }

  has(item: T): boolean {
    return this.#nodes.has(item);
  }

  /** Takes an item in. @param reservedBytes that are in use elsewhere and count too */
  add(item: T, reservedBytes = 0): void {
    this.#makeRoom(item.bytes + reservedBytes);
    const node: Node<T> = { item, newer: undefined, older: this.#newest };
    if (this.#newest !== undefined) this.#newest.newer = node;
    this.#newest = node;
    this.#oldest ??= node;
    this.#nodes.set(item, node);
    this.#bytes += item.bytes;
  }

  /** @returns whether it was there */
  remove(item: T): boolean {
    const node = this.#nodes.get(item);
    if (node === undefined) return false;
    this.#nodes.delete(item);
    this.#bytes -= item.bytes;
    if (this.#hand === node) this.#hand = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    return true;
  }

  items(): IterableIterator<T> {
    return this.#nodes.keys();
  }

  #makeRoom(bytes: number): void {
    while (this.#bytes + bytes > this.#maxBytes) {
      const node = this.#hand ?? this.#oldest;
      if (node === undefined) return;
      this.#hand = node.newer;
      if (node.item.wasUsed) {
        node.item.wasUsed = false;
        continue;
      }
      this.remove(node.item);
      this.#onEvict(node.item);
    }
  }
}
