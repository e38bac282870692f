import type { AlertStore, Delivery } from "./alert-store.ts";
import type { Receiver } from "./receiver.ts";

const sendTimeoutMs = 10_000;
const firstDelayMs = 10_000;
const maxDelayMs = 10 * 60_000;
/** With the delays above, about a day. */
const maxAttempts = 150;

/**
 * Tells receivers what is due, each in its own order and none after another: one that fails or
 * hangs is tried again later and never holds up the others.
 */
export class Outbox {
  readonly #store: AlertStore;
  readonly #receivers: Map<string, Receiver>;
  readonly #onFailure: (receiver: string, error: unknown) => void;
  readonly #busy = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(
    store: AlertStore,
    receivers: readonly Receiver[],
    onFailure: (receiver: string, error: unknown) => void,
  ) {
    this.#store = store;
    this.#receivers = new Map(receivers.map((receiver) => [receiver.name, receiver]));
    this.#onFailure = onFailure;
  }

  /** Begins to tell what is due. Does not wait for it. */
  async flush(): Promise<void> {
    const byReceiver = Map.groupBy(await this.#store.due(), (delivery) => delivery.receiver);
    for (const [name, deliveries] of byReceiver) {
      if (this.#busy.has(name) || this.#closing.signal.aborted) continue;
      const work = this.#tell(name, deliveries)
        .catch((error: unknown) => this.#onFailure(name, error))
        .finally(() => this.#busy.delete(name));
      this.#busy.set(name, work);
    }
  }

  /** Ends what is under way; it is tried again by whoever looks after the alerts next. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#busy.values());
  }

  async #tell(name: string, deliveries: readonly Delivery[]): Promise<void> {
    const receiver = this.#receivers.get(name);
    for (const { id, notes, attempts } of deliveries) {
      if (!receiver) {
        await this.#store.failed(id, `there is no receiver ${name} any more`, null);
        continue;
      }
      try {
        const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(sendTimeoutMs)]);
        await receiver.send(notes, signal);
        await this.#store.delivered(id);
      } catch (error) {
        this.#onFailure(name, error);
        const againInMs = Math.min(maxDelayMs, firstDelayMs * 2 ** attempts);
        const message = error instanceof Error ? error.message : String(error);
        await this.#store.failed(id, message, attempts + 1 >= maxAttempts ? null : againInMs);
        // Those behind it would fail as well, and must not come before it.
        return;
      }
    }
  }
}
