import { Api } from "../apps/web/src/api/api.ts";
import type { LiveWindow } from "../apps/web/src/live/live-socket.ts";
import { LiveState } from "../apps/web/src/live/live-state.ts";

/**
 * The web application without its screen: what a tab knows of its user's conversations, by the code
 * that runs in browsers, on a socket and requests of its own.
 */
export class Tab {
  readonly state: LiveState;
  /** Sockets that it had, the one that is open included. */
  opened = 0;
  isOpen = false;
  /** Whether a socket that it opens from now on finds nobody. */
  isOffline = false;
  pongs = 0;
  /** Times that it has read the list of conversations. */
  reads = 0;
  readonly #document = Object.assign(new EventTarget(), { visibilityState: "visible" as const });

  /** @param url of the front door, or of a server */
  constructor(url: string, cookie: string) {
    this.state = new LiveState({
      api: new Api({
        fetch: async (path, init) => {
          const headers = new Headers(init.headers);
          headers.set("cookie", cookie);
          const response = await fetch(url + path, { ...init, headers });
          if (path.startsWith("/api/v1/conversations?")) this.reads++;
          return response;
        },
        onUnauthenticated: () => {},
      }),
      window: {
        addEventListener: () => {},
        document: this.#document,
        WebSocket: this.#socketClass(cookie),
      } as LiveWindow,
      url: `${url.replace(/^http/, "ws")}/api/v1/socket`,
      // What is not looked at is not drawn.
      frames: { request: () => 0, cancel: () => {}, nowMs: () => 0 },
      user: () => null,
      announce: () => {},
      onCreated: () => {},
      onDeleted: () => {},
      onRefused: () => {},
    });
    this.state.start();
  }

  /** Asks whether the other side is there, as a tab does that comes into view. */
  ping(): void {
    this.#document.dispatchEvent(new Event("visibilitychange"));
  }

  close(): void {
    this.state.stop();
  }

  #socketClass(cookie: string): new (url: string) => WebSocket {
    const tab = this;
    return class extends WebSocket {
      constructor(url: string) {
        // Bun's sockets take headers, which the types of a browser's do not know.
        super(tab.isOffline ? nowhere : url, { headers: { cookie } } as unknown as string[]);
        this.addEventListener("open", () => {
          tab.opened++;
          tab.isOpen = true;
        });
        this.addEventListener("message", ({ data }) => {
          if (data === pong) tab.pongs++;
        });
        this.addEventListener("close", () => {
          tab.isOpen = false;
        });
      }
    };
  }
}

/** Nobody listens on port 1. */
const nowhere = "ws://127.0.0.1:1";
const pong = JSON.stringify({ type: "pong" });
