import type { Tab } from "./tab.ts";

/**
 * Watches a conversation in a tab whose title is a number that its writer raises by one: each has to
 * come, in order. It looks no further once the tab reads its list again, since what it reads may be
 * ahead of events that are still on their way.
 */
export class CountedTitles {
  /** What was wrong, in words. */
  readonly problems: string[] = [];
  /** Numbers that came one after the other. */
  seen = 0;
  /** Whether it looks no further. */
  isOver = false;
  #stop = () => {};

  constructor(tab: Tab, conversationId: string) {
    const { items } = tab.state.conversations;
    const numberNow = () =>
      Number(items.peek().find(({ id }) => id === conversationId)?.title ?? Number.NaN);
    const breaks = () => tab.opened + tab.reads;
    const unbroken = breaks();
    let last = numberNow();
    this.#stop = items.subscribe(() => {
      if (breaks() !== unbroken) return this.stop();
      const number = numberNow();
      if (number === last) return;
      if (number === last + 1) this.seen++;
      else this.problems.push(`${last}, then ${number}`);
      last = number;
    });
  }

  stop(): void {
    this.isOver = true;
    this.#stop();
  }
}
