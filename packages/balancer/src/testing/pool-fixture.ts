import type { AcquireOptions, Pool, Ticket } from "../index.ts";

/** Servers by these names. */
export function named(...ids: string[]) {
  return ids.map((id) => ({ id, url: `http://${id}` }));
}

/** A ticket that is to be had at once. */
export function take(pool: Pool, demand: AcquireOptions = {}): Ticket {
  const ticket = pool.tryAcquire(demand);
  if (ticket === undefined) throw new Error("no server had room");
  return ticket;
}

/** Follows a promise without waiting for it. */
export function watch<T>(promise: Promise<T>): { value?: T; error?: unknown; settled: boolean } {
  const seen: { value?: T; error?: unknown; settled: boolean } = { settled: false };
  promise.then(
    (value) => Object.assign(seen, { value, settled: true }),
    (error: unknown) => Object.assign(seen, { error, settled: true }),
  );
  return seen;
}
