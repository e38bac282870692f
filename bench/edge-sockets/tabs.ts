import { CountedTitles } from "@peregrine/e2e/counted-titles";
import { Tab } from "@peregrine/e2e/tab";
import type { Message } from "@peregrine/protocol";

/**
 * Tabs of the bench, as a process of its own: the web application without its screen, many times.
 * `bun tabs.ts <JSON of Setup>`. Does what its parent orders, one thing after another, and says what
 * came of it.
 */
export type Setup = {
  door: string;
  people: { cookie: string; counted: string; asked: string }[];
  tabs: number;
  /** How many of each person's tabs have the conversation in view that is being answered. */
  readers: number;
};

/** What is true in the end for one of the people. */
export type Truth = { list: string; messages: Message[] };

export type Order =
  | { type: "ping" }
  /** Looks from now on whether numbers come one after the other. */
  | { type: "watch" }
  | { type: "come back" }
  | { type: "compare"; truths: Truth[] };

export type Reply =
  | { type: "open" }
  | { type: "echoed" }
  | { type: "watching" }
  /** Of the tabs that lost their server: ms since the epoch at which each had a socket, and had read. */
  | { type: "back"; openedAt: number[]; readAt: number[] }
  | {
      type: "compared";
      /** Numbers that were seen one after the other. */
      numbers: number;
      /** What was not as it has to be, in words. */
      problems: string[];
    };

const openAtOnce = 25;
const setup = JSON.parse(process.argv[2] ?? "") as Setup;
const tabs: { tab: Tab; person: number; thread?: ReturnType<Tab["state"]["threads"]["open"]> }[] =
  [];
const problems: string[] = [];
let watched: CountedTitles[] = [];
let seen = 0;

process.on("message", (order: Order) => {
  carryOut(order)
    .then((reply) => process.send?.(reply))
    .catch((error: unknown) => fail(String(error)));
});

await openAll();
process.send?.({ type: "open" } satisfies Reply);

async function openAll(): Promise<void> {
  while (tabs.length < setup.tabs) {
    const person = tabs.length % setup.people.length;
    const isReader = tabs.length < setup.readers * setup.people.length;
    const { cookie = "", asked = null } = setup.people[person] ?? {};
    const tab = new Tab(setup.door, cookie);
    tabs.push({ tab, person, ...(isReader ? { thread: tab.state.threads.open(asked) } : {}) });
    if (tabs.length % openAtOnce === 0) await allOpen();
  }
  await allOpen();
}

function allOpen(): Promise<void> {
  return until(() => tabs.every(({ tab }) => tab.isOpen && tab.reads > 0), "all tabs to be open");
}

async function carryOut(order: Order): Promise<Reply> {
  switch (order.type) {
    case "ping": {
      for (const { tab } of tabs) {
        tab.pongs = 0;
        tab.ping();
      }
      await until(() => tabs.every(({ tab }) => tab.pongs > 0), "all tabs to hear an echo");
      return { type: "echoed" };
    }
    case "watch":
      settle();
      watched = tabs.map(
        ({ tab, person }) => new CountedTitles(tab, setup.people[person]?.counted ?? ""),
      );
      return { type: "watching" };
    case "come back":
      return comeBack();
    case "compare":
      return compare(order.truths);
  }
}

/** Those whose sockets close have lost their server; when each is back is noted as it happens. */
async function comeBack(): Promise<Reply> {
  const openedAt: number[] = [];
  const readAt: number[] = [];
  const states = tabs.map(({ tab }) => ({
    tab,
    opened: tab.opened,
    reads: 0,
    isOpen: true,
    isRead: true,
  }));
  let lost = 0;
  // Nobody tells that all have lost it who will; nearly all notice within the first moment.
  const settledMs = performance.now() + 1_000;
  await until(() => {
    for (const state of states) {
      const { tab } = state;
      if (state.isOpen && !tab.isOpen) {
        lost++;
        Object.assign(state, { isOpen: false, isRead: false, reads: tab.reads });
      }
      if (!state.isOpen && tab.isOpen) {
        state.isOpen = true;
        openedAt.push(epochMs());
      }
      if (state.isOpen && !state.isRead && tab.reads > state.reads) {
        state.isRead = true;
        readAt.push(epochMs());
      }
    }
    return performance.now() > settledMs && readAt.length === lost;
  }, "all tabs to be back");
  return { type: "back", openedAt, readAt };
}

async function compare(truths: Truth[]): Promise<Reply> {
  settle();
  const deadlineMs = performance.now() + 60_000;
  const comesTrue = (holds: () => boolean, what: string) =>
    until(holds, what, deadlineMs).catch(note);
  for (const { tab, person, thread } of tabs) {
    const truth = truths[person] ?? { list: "", messages: [] };
    const { items, busy } = tab.state.conversations;
    await comesTrue(() => JSON.stringify(items.value) === truth.list, "the same list");
    await comesTrue(() => busy.value.size === 0, "no answer to be running");
    if (!thread) continue;
    await comesTrue(() => !thread.answering.value, "the end of the answer");
    const entries = thread.messages.entries.value.map(({ message }) => message.value).reverse();
    const ids = (messages: readonly Message[]) =>
      messages.map(({ id, status }) => id + status).join();
    if (ids(entries) !== ids(truth.messages)) problems.push("other messages");
    for (const [index, { content, status }] of truth.messages.entries()) {
      // What a server that died had not saved, its readers have and it has not.
      if (status !== "interrupted" && entries[index]?.content !== content)
        problems.push("other text");
    }
  }
  return { type: "compared", numbers: seen, problems };
}

/** Ends the watch that is on, and keeps what it saw. */
function settle(): void {
  for (const titles of watched) {
    titles.stop();
    seen += titles.seen;
    problems.push(...titles.problems);
  }
  watched = [];
}

function note(error: unknown): void {
  problems.push(String(error));
}

function fail(message: string): void {
  console.error(message);
  process.exit(1);
}

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

async function until(
  holds: () => boolean,
  what: string,
  deadlineMs = performance.now() + 60_000,
): Promise<void> {
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`);
    await Bun.sleep(10);
  }
}
