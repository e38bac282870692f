import { type ReadonlySignal, type Signal, signal } from "@preact/signals";

export type Notice = { id: number; text: string; kind: "info" | "error" };

const SHOWN_MS = 6_000;

/** Short messages in the corner of the page about what an action has done; they go by themselves. */
export class Notices {
  readonly list: ReadonlySignal<readonly Notice[]>;
  readonly #list: Signal<readonly Notice[]> = signal([]);
  #nextId = 0;

  constructor() {
    this.list = this.#list;
  }

  show(text: string, kind: Notice["kind"] = "info"): void {
    const id = this.#nextId++;
    this.#list.value = [...this.#list.peek().slice(-2), { id, text, kind }];
    setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  dismiss(id: number): void {
    this.#list.value = this.#list.peek().filter((notice) => notice.id !== id);
  }
}
