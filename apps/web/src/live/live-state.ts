import type { SocketEvent } from "@peregrine/protocol";
import { batch } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { ConversationList } from "../conversations/conversation-list.ts";
import type { ThreadOptions } from "../thread/thread.ts";
import { Threads } from "../thread/threads.ts";
import { CatchUp } from "./catch-up.ts";
import { LiveSocket, type LiveWindow } from "./live-socket.ts";

/** Within this time all tabs read again that were told at once that they may have missed something. */
const SPREAD_MS = 3_000;

export type LiveStateOptions = Pick<ThreadOptions, "frames" | "user" | "announce"> & {
  api: Api;
  window: LiveWindow;
  url: string;
  /** Called once the conversation that is open has come to exist. */
  onCreated: (conversationId: string) => void;
  onDeleted: (conversationId: string) => void;
  /** Could not connect a few times in a row; the session may have ended. */
  onRefused: () => void;
};

/**
 * What the page knows of its user's conversations, kept as the server has it: by what the socket
 * tells, and by reading again whenever something may have been missed. That is when the socket
 * opens, also for the first time, as what was read before may be older than its first event; and
 * when the server says so. Knows nothing of the screen.
 */
export class LiveState {
  readonly conversations: ConversationList;
  readonly threads: Threads;
  readonly socket: LiveSocket;
  readonly #catchUp: CatchUp;
  readonly #onDeleted: (conversationId: string) => void;

  constructor(options: LiveStateOptions) {
    const { api, window, url, frames, user, announce, onCreated, onRefused } = options;
    this.#onDeleted = options.onDeleted;
    const conversations = new ConversationList(api);
    this.conversations = conversations;
    this.threads = new Threads({ api, conversations, frames, user, announce }, onCreated);
    this.#catchUp = new CatchUp({ read: () => this.#readAgain() });
    this.socket = new LiveSocket({
      window,
      url,
      onOpen: (isFirst) => {
        this.#catchUp.start();
        if (isFirst) return;
        conversations.forgetBusy();
        this.threads.reconnect();
      },
      onEvent: (event) => batch(() => this.#receive(event)),
      onRefused,
    });
  }

  /** Somebody has signed in. */
  start(): void {
    this.socket.start();
  }

  /** Signed out: nothing of that user stays. */
  stop(): void {
    this.socket.stop();
    this.#catchUp.stop();
    this.conversations.clear();
    this.threads.clear();
  }

  #receive(event: SocketEvent): void {
    if (event.type === "missed") this.#catchUp.start(SPREAD_MS);
    this.conversations.receive(event);
    this.threads.receive(event);
    if (event.type === "conversation.deleted") this.#onDeleted(event.conversationId);
  }

  async #readAgain(): Promise<void> {
    const openId = this.threads.current?.id.peek() ?? null;
    await Promise.all([this.conversations.catchUp(openId), this.threads.catchUp()]);
  }
}
