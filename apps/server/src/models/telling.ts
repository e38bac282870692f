import type { ModelEvent, ModelRequest, ModelWatcher } from "./model.ts";

const nobody: readonly ModelWatcher[] = [];

/** What a model tells those who look on at a request, as it answers. */
export class Telling {
  readonly #watchers: readonly ModelWatcher[];
  #failure: unknown;

  constructor({ watchers = nobody }: ModelRequest) {
    this.#watchers = watchers;
  }

  /** @returns the event, on its way to the reader */
  event(event: ModelEvent): ModelEvent {
    for (const watcher of this.#watchers) watcher.onEvent(event);
    return event;
  }

  failed(error: unknown): void {
    this.#failure = error;
  }

  /** It ends, in whatever way. */
  over(): void {
    for (const watcher of this.#watchers) watcher.onOver(this.#failure);
  }
}
