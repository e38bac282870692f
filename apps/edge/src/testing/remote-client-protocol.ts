/** What a client on another host is told to do, and what it says of it. */
export type Command =
  | { readonly what: "ask"; readonly asked: Asked }
  | { readonly what: "load"; readonly load: Load }
  | { readonly what: "outcomes"; readonly load: number; readonly from: number }
  | { readonly what: "stop"; readonly load: number }
  | { readonly what: "follow"; readonly url: string; readonly count: number }
  | { readonly what: "streams" };

export type Asked = {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

export type Load = {
  readonly url: string;
  readonly method: string;
  readonly workers: number;
  /** Between an answer and the next request of the same worker. */
  readonly pauseMs: number;
  /** Each request's body is this and a number of its own; GET has none. */
  readonly body?: string;
};

/** What became of one request: status 0 and the error's words where no whole answer came. */
export type Outcome = {
  readonly status: number;
  readonly text: string;
  readonly body: string | undefined;
  readonly tookMs: number;
};

/** One answer or WebSocket that is read: what has come so far, and how it ended, if it has. */
export type StreamState = {
  readonly url: string;
  isOpen: boolean;
  bytes: number;
  end: "whole" | "broken" | undefined;
};
