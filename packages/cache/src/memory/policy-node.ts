import type { Counted } from "./frequency-sketch.ts";

/** Where an entry stands in the policy. */
export const OUTSIDE = 0;
export const WINDOW = 1;
export const PROBATION = 2;
export const PROTECTED = 3;
type Region = typeof OUTSIDE | typeof WINDOW | typeof PROBATION | typeof PROTECTED;

/** What the policy keeps of an entry. Entries extend it, so that a hit follows no extra pointer. */
export class PolicyNode implements Counted {
  /** Seeded hash of the key, of 31 bits: engines keep these as plain integers. */
  hash = 0;
  /** Share of the capacity that it takes, in entries. */
  weight = 1;
  /** What it costs to load again, as a factor of an ordinary entry. */
  cost = 1;
  region: Region = OUTSIDE;
  /** When it last became the newest of its list, counted in such moves. */
  movedAt = 0;
  uses = 0;
  halvings = 0;
  previous: PolicyNode = this;
  next: PolicyNode = this;
}

// Lists are rings round a head: head.next is the oldest, head.previous the newest.

export function oldest(head: PolicyNode): PolicyNode | undefined {
  return head.next === head ? undefined : head.next;
}

export function appendNewest(head: PolicyNode, node: PolicyNode): void {
  const last = head.previous;
  node.previous = last;
  node.next = head;
  last.next = node;
  head.previous = node;
}

export function unlink(node: PolicyNode): void {
  node.previous.next = node.next;
  node.next.previous = node.previous;
  node.previous = node;
  node.next = node;
}

export function moveToNewest(head: PolicyNode, node: PolicyNode): void {
  if (head.previous === node) return;
  node.previous.next = node.next;
  node.next.previous = node.previous;
  appendNewest(head, node);
}
