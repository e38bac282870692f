/** One kind of request, and what of it a process of load sends. */
export type Kind = {
  name: string;
  /** Of all requests. */
  share: number;
  /** HTTP messages, sent by turns. */
  requests: string[];
  /** What the end of a whole answer has in it. */
  end: string;
};

/** What a process of load does. It is given as JSON on its input. */
export type Load = {
  url: string;
  kinds: Kind[];
  /** Open at once. */
  connections: number;
  /** Requests begun each second, whatever becomes of them; 0 to keep all connections busy instead. */
  perSecond: number;
  seconds: number;
};

/** What came of one kind, in this process or in several. */
export type Outcome = {
  /** Whose time had come. */
  offered: number;
  /** Of those, the ones for which no connection was free. */
  unsent: number;
  refused: number;
  /** Neither answered well nor refused, by how: a status, or "cut off", or "not whole". */
  failed: Record<string, number>;
  /** How long each took that was answered well, to its end, by the second in which that was. */
  tookMs: number[][];
  /** Those refused, by second. */
  refusedIn: number[];
};

export type Report = {
  outcomes: Record<string, Outcome>;
  /** CPU seconds that the process used. */
  cpuSeconds: number;
  /** The longest that requests went out behind their time. */
  lateMs: number;
};

export function newOutcome(seconds: number): Outcome {
  return {
    offered: 0,
    unsent: 0,
    refused: 0,
    failed: {},
    tookMs: Array.from({ length: seconds }, () => []),
    refusedIn: new Array<number>(seconds).fill(0),
  };
}
