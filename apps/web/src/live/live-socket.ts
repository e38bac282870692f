import type { SocketCommand, SocketEvent } from "@peregrine/protocol";
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { backOffMs } from "./back-off.ts";

const PING_EVERY_MS = 25_000;
const ANSWER_WITHIN_MS = 10_000;
/** An outage shorter than this is not worth a banner. */
const SHOW_OUTAGE_AFTER_MS = 2_500;

/** The part of the browser that a socket lives in. */
export type LiveWindow = Pick<Window, "addEventListener"> & {
  document: Pick<Document, "addEventListener" | "visibilityState">;
  WebSocket: new (url: string) => WebSocket;
};

export type LiveSocketOptions = {
  window: LiveWindow;
  url: string;
  onEvent: (event: SocketEvent) => void;
  /** Connected: what happened before, since it was last connected, was missed. */
  onOpen: (isFirst: boolean) => void;
  /** Could not connect a few times in a row; the session may have ended. */
  onRefused: () => void;
};

/**
 * The socket that tells what happens in the user's conversations. Connects from {@link start} to
 * {@link stop}, again and again with a growing wait, at once when the browser comes online. A
 * connection that does not answer a ping within 10 s is given up. Answers are read by their own
 * streams, so deltas are left out here.
 */
export class LiveSocket {
  readonly isAway: ReadonlySignal<boolean>;
  readonly #isAway: Signal<boolean> = signal(false);
  readonly #options: LiveSocketOptions;
  #socket: WebSocket | undefined;
  #listening: AbortController | undefined;
  #failures = 0;
  #wasOpen = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ping: ReturnType<typeof setTimeout> | undefined;
  #outage: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LiveSocketOptions) {
    this.#options = options;
    this.isAway = this.#isAway;
  }

  start(): void {
    if (this.#listening) return;
    this.#listening = new AbortController();
    const { signal: until } = this.#listening;
    const { window } = this.#options;
    window.addEventListener("online", () => this.#connectNow(), { signal: until });
    window.addEventListener("offline", () => this.#drop(), { signal: until });
    window.document.addEventListener(
      "visibilitychange",
      () => {
        if (window.document.visibilityState === "visible") this.#check();
      },
      { signal: until },
    );
    this.#connect();
  }

  stop(): void {
    this.#listening?.abort();
    this.#listening = undefined;
    this.#wasOpen = false;
    this.#failures = 0;
    this.#clearTimers();
    clearTimeout(this.#outage);
    this.#outage = undefined;
    this.#isAway.value = false;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #connect(): void {
    this.#clearTimers();
    const { window, url } = this.#options;
    const socket = new window.WebSocket(url);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      if (socket !== this.#socket) return;
      this.#send({ type: "subscribe", deltas: false });
      this.#schedulePing();
      this.#failures = 0;
      clearTimeout(this.#outage);
      this.#outage = undefined;
      this.#isAway.value = false;
      const isFirst = !this.#wasOpen;
      this.#wasOpen = true;
      this.#options.onOpen(isFirst);
    });
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      this.#schedulePing();
      const event = JSON.parse(String(data)) as SocketEvent;
      if (event.type !== "pong") this.#options.onEvent(event);
    });
    socket.addEventListener("close", () => {
      if (socket === this.#socket) this.#drop();
    });
  }

  /** The connection is gone, or good as gone: try again after a while. */
  #drop(): void {
    this.#clearTimers();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#outage ??= setTimeout(() => {
      this.#isAway.value = true;
    }, SHOW_OUTAGE_AFTER_MS);
    this.#retry = setTimeout(() => this.#connect(), backOffMs(this.#failures++, Math.random));
    if (this.#failures === 3) this.#options.onRefused();
  }

  #connectNow(): void {
    if (this.#socket) {
      this.#check();
      return;
    }
    this.#failures = 0;
    this.#connect();
  }

  /** Asks whether the other side is still there. */
  #check(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    clearTimeout(this.#ping);
    this.#send({ type: "ping" });
    this.#ping = setTimeout(() => this.#drop(), ANSWER_WITHIN_MS);
  }

  #schedulePing(): void {
    clearTimeout(this.#ping);
    this.#ping = setTimeout(() => this.#check(), PING_EVERY_MS);
  }

  #send(command: SocketCommand): void {
    this.#socket?.send(JSON.stringify(command));
  }

  #clearTimers(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#ping);
  }
}
