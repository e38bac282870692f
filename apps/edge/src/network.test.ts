import { afterEach, describe, expect, test } from "bun:test";
import { whyNoNetwork } from "@peregrine/e2e/network";
import { NetworkScene } from "./testing/network-scene.ts";
import type { RemoteLoad } from "./testing/remote-client.ts";
import type { Outcome } from "./testing/remote-client-protocol.ts";
import { eventually } from "./testing/test-edge.ts";

const reason = whyNoNetwork();
const name = `of three servers on a network${reason === undefined ? "" : ` (not run: ${reason})`}`;
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** @param environment the door's settings; in turns, so that the ill server is met for certain */
async function open(environment: Record<string, string> = {}): Promise<NetworkScene> {
  const scene = await NetworkScene.open({
    LOAD_BALANCER_ALGORITHM: "round_robin",
    HEALTH_CHECK_INTERVAL: "1",
    EDGE_FIRST_BYTE_TIMEOUT: "4",
    ...environment,
  });
  cleanUps.push(() => scene.close());
  return scene;
}

const readers = 12;
const writers = 4;

function read({ client, url }: NetworkScene): Promise<RemoteLoad> {
  return client.load({ url, method: "GET", workers: readers, pauseMs: 10 });
}

function write({ client, url }: NetworkScene): Promise<RemoteLoad> {
  const each = { method: "POST", body: "id", workers: writers, pauseMs: 10 };
  return client.load({ url: `${url}/write`, ...each });
}

/** Waits until so many more have ended. @returns what became of them */
async function more(load: RemoteLoad, count: number): Promise<Outcome[]> {
  const { length } = await load.outcomes(0);
  let since: Outcome[] = [];
  await eventually(async () => {
    since = await load.outcomes(length);
    return since.length >= count;
  }, `${count} more answers`);
  return since;
}

function shareOf(server: string, outcomes: readonly Outcome[]): number {
  return outcomes.filter(({ text }) => text === server).length / outcomes.length;
}

function failuresOf(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(({ status }) => status !== 200);
}

describe.skipIf(reason !== undefined)(name, () => {
  test("one is cut off: no read fails, no write is done twice, and mended it is used again", async () => {
    const scene = await open();
    const filesBefore = scene.openFiles;
    const reads = await read(scene);
    const writes = await write(scene);
    expect(shareOf("a", await more(reads, 300))).toBeGreaterThan(0.2);

    const { a } = scene.network.hosts;
    await a.cut();
    await eventually(async () => (await scene.state("a")) !== "up", "a to be found ill");
    expect(shareOf("a", await more(reads, 300))).toBe(0);
    expect((await a.traffic()).lost).toBeGreaterThan(0);

    await a.mend();
    let back: Outcome[] = [];
    await eventually(async () => {
      back = await more(reads, 200);
      return shareOf("a", back) > 0;
    }, "an answer of the server that came back");
    // It begins with a tenth of its weight.
    expect(shareOf("a", back)).toBeLessThan(0.2);

    const read_ = await reads.stop();
    const written = await writes.stop();
    expect(failuresOf(read_)).toEqual([]);
    // What was on its way to it may have been read or not: only the client can say what to do.
    const unknown = failuresOf(written);
    expect(unknown.length).toBeLessThanOrEqual(writers);
    expect(unknown.filter(({ status }) => status !== 502 && status !== 504)).toEqual([]);
    const ids = scene.writes;
    expect(ids.length).toBe(new Set(ids).size);
    const answered = written.filter(({ status }) => status === 200).map(({ body }) => body);
    expect(answered.filter((id) => !ids.includes(id ?? ""))).toEqual([]);

    await scene.client.stop();
    await eventually(
      () => scene.openFiles <= filesBefore,
      "the door to have closed its connections",
    );
  });

  test("one is cut off, and many find out at once: what it never had goes elsewhere, writes too", async () => {
    const scene = await open({ HEALTH_CHECK_INTERVAL: "60" });
    const { client, url } = scene;
    await scene.network.hosts.a.cut();
    const asked = Array.from({ length: 90 }, (_, count) => [
      client.ask({ url }),
      client.ask({ url: `${url}/write`, method: "POST", body: `id${count}` }),
    ]);
    const outcomes = await Promise.all(asked.flat());
    expect(failuresOf(outcomes)).toEqual([]);
    expect(shareOf("a", outcomes)).toBe(0);
    expect(new Set(scene.writes).size).toBe(90);
    expect(scene.writes).toHaveLength(90);
  });

  test("one is 100 ms further away: peak_ewma gives it next to nothing, and nothing fails", async () => {
    const shares: number[] = [];
    for (const algorithm of ["round_robin", "peak_ewma"]) {
      const scene = await open({ LOAD_BALANCER_ALGORITHM: algorithm });
      await scene.network.hosts.a.delay(100);
      const reads = await read(scene);
      // Soon, while round robin is alone with it: such a server is ejected after a second or two.
      shares.push(shareOf("a", await more(reads, 200)));
      expect(failuresOf(await reads.stop())).toEqual([]);
    }
    const [inTurns = 0, byLatency = 1] = shares;
    expect(inTurns).toBeGreaterThan(0.1);
    expect(byLatency).toBeLessThan(inTurns / 2);
  });

  test("one loses a fifth of its packets: no read fails", async () => {
    const scene = await open();
    const { a } = scene.network.hosts;
    const reads = await read(scene);
    await more(reads, 100);
    const before = await a.traffic();
    await a.lose(0.2);
    const met = await more(reads, 800);
    expect(shareOf("a", met)).toBeGreaterThan(0);
    const after = await a.traffic();
    expect(after.lost - before.lost).toBeGreaterThan(10);
    expect(failuresOf(await reads.stop())).toEqual([]);
  });
});
