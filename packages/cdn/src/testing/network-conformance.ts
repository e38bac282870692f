import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { CdnError } from "../errors.ts";
import type { CdnNetwork, PurgeItem } from "../networks/network.ts";

/** A network's API, played by a server that checks what the real one would. */
export type Peer = {
  network: CdnNetwork;
  url: string;
  /** What was purged, each time it was: tags or paths, whichever the network goes by. */
  purged: string[];
  /** The number of requests that purged something. */
  requests: number;
  /** Answers everything with this status until it is undefined again. */
  failWith: number | undefined;
  /** Whether it goes by tags or by paths. */
  by: keyof PurgeItem;
  stop(): Promise<void>;
};

/** What every network must do, whichever it is. */
export function testNetwork(start: () => Promise<Peer> | Peer): void {
  let peer: Peer;
  beforeAll(async () => {
    peer = await start();
  });
  afterEach(() => {
    peer.purged.length = 0;
    peer.requests = 0;
    peer.failWith = undefined;
  });
  afterAll(async () => {
    peer.network.close();
    await peer.stop();
  });

  const item = (i: number): PurgeItem => ({ path: `/cdn/files/${i}/*`, tag: `file-${i}` });
  const items = (count: number) => Array.from({ length: count }, (_, i) => item(i));
  const wanted = (given: PurgeItem[]) => given.map((one) => one[peer.by]).sort();
  const failure = async (work: Promise<unknown>) => {
    const error = await work.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CdnError);
    return error as CdnError;
  };
  const untilDone = async (given: PurgeItem[], reference: string) => {
    while ((await peer.network.purge(given, { reference })) !== "done") await Bun.sleep(1);
  };

  test("purges what it is asked to, each once", async () => {
    await untilDone([item(1), item(2), item(1)], "few");
    expect([...new Set(peer.purged)].sort()).toEqual(wanted([item(1), item(2)]));
    expect(peer.requests).toBe(1);
  });

  test("purges nothing without asking anybody", async () => {
    await untilDone([], "none");
    expect(peer.requests).toBe(0);
  });

  test("purges thousands in lists as long as the network takes", async () => {
    await untilDone(items(2500), "many");
    expect([...peer.purged].sort()).toEqual(wanted(items(2500)));
    expect(peer.requests).toBeGreaterThan(1);
  });

  test("says what went wrong, and is through when sent again", async () => {
    for (const [status, code, retryable] of [
      [503, "unavailable", true],
      [429, "throttled", true],
      [403, "denied", false],
    ] as const) {
      peer.failWith = status;
      const error = await failure(peer.network.purge([item(3)], { reference: `failed-${status}` }));
      expect([status, error.code, error.retryable]).toEqual([status, code, retryable]);
    }
    expect(peer.purged).toEqual([]);
    peer.failWith = undefined;
    await untilDone([item(3)], "failed-503");
    expect(peer.purged).toEqual(wanted([item(3)]));
  });

  test("ends when its caller gives up", async () => {
    const signal = AbortSignal.abort();
    const error = await failure(peer.network.purge([item(4)], { reference: "cut", signal }));
    expect(error.code).toBe("aborted");
    expect(peer.purged).toEqual([]);
  });

  test("is unavailable while the network is away", async () => {
    await peer.stop();
    const error = await failure(peer.network.purge([item(5)], { reference: "away" }));
    expect([error.code, error.retryable]).toEqual(["unavailable", true]);
  });
}
