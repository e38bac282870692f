import { afterAll, afterEach, beforeAll, describe, expect, test } from "#test";
import { SystemClock } from "../clock.ts";
import { openRedisLink } from "../redis/redis-link.ts";
import { redisTransport } from "../redis/redis-transport.ts";
import { eventually } from "../testing/eventually.ts";
import { TestRedis } from "../testing/redis-server.ts";
import { sleep } from "../time-limit.ts";
import type { IpcChannel } from "./ipc-messages.ts";
import { ipcTransport } from "./ipc-transport.ts";
import { LogHub } from "./log-hub.ts";
import type { LogRecord } from "./records.ts";
import type { Transport } from "./transport.ts";

/** What every transport of the log has to do, tried on each. */
interface Fixture {
  open(): Promise<Transport>;
  close(): Promise<void>;
}

function behaves(name: string, setUp: () => Promise<Fixture>): void {
  describe(`the log over ${name}`, () => {
    let fixture: Fixture;
    const opened: Transport[] = [];
    beforeAll(async () => {
      fixture = await setUp();
    }, 60_000);
    afterEach(async () => {
      for (const transport of opened.splice(0)) await transport.close();
    });
    afterAll(async () => {
      await fixture?.close();
    });

    async function member(node: string) {
      const transport = await fixture.open();
      opened.push(transport);
      const snapshot = await transport.join(node);
      const records: LogRecord[] = [];
      const acks: [string, number][] = [];
      transport.follow(
        { node, epoch: snapshot.epoch, seq: snapshot.seq },
        {
          records: (_, batch) => records.push(...batch),
          acked: (from, _, seq) => acks.push([from, seq]),
        },
      );
      const append = (
        kind: LogRecord["kind"],
        id: string,
        guards: string[],
        pendingLeaseMs = 5000,
      ) => transport.append({ kind, id, node, guards, wantsAck: true, pendingLeaseMs });
      return { transport, snapshot, records, acks, append, node };
    }

    test("numbers are dense, and everybody reads every record in order", async () => {
      const a = await member("a1");
      const b = await member("b1");
      await Promise.all(Array.from({ length: 50 }, (_, i) => a.append("bump", "", [`t:${i}`])));
      await b.append("pattern", "", ["x*"]);
      for (const { records, snapshot } of [a, b]) {
        const first = snapshot.seq;
        const mine = () => records.filter((r) => r.guards[0] !== undefined && r.seq > first);
        await eventually("all are read", () => mine().length === 51);
        expect(mine().map((r) => r.seq)).toEqual(mine().map((_, i) => first + 1 + i));
        expect(mine().at(-1)).toMatchObject({ kind: "pattern", node: "b1", guards: ["x*"] });
      }
    });

    test("a bump says whether its marker was in force", async () => {
      const a = await member("a2");
      expect((await a.append("pending", "a2.1", ["t:1"])).held).toBe(false);
      expect((await a.append("bump", "a2.1", ["t:1"])).held).toBe(true);
      expect((await a.append("bump", "a2.1", ["t:1"])).held).toBe(false);
    });

    test("who joins is told what is pending and which patterns there were", async () => {
      const a = await member("a3");
      await a.append("pending", "a3.1", ["t:1", "t:2"]);
      const pattern = await a.append("pattern", "", ["z?"]);
      const late = await member("late3");
      expect(late.snapshot.seq).toBe(pattern.seq);
      expect(late.snapshot.pending).toContainEqual({ id: "a3.1", guards: ["t:1", "t:2"] });
      expect(late.snapshot.patterns).toContainEqual({ glob: "z?", seq: pattern.seq });
      await a.append("bump", "a3.1", []);
    });

    test("the marker of a writer that is silent ends as a bump, one that is renewed does not", async () => {
      const a = await member("a4");
      const b = await member("b4");
      await a.append("pending", "a4.dead", ["t:dead"], 60);
      await a.append("pending", "a4.alive", ["t:alive"], 60);
      for (let i = 0; i < 12; i++) {
        await b.transport.beat({ node: "b4", renew: ["a4.alive"], pendingLeaseMs: 60 });
        await sleep(15);
      }
      await eventually("the dead one ended", () =>
        b.records.some((r) => r.kind === "bump" && r.id === "a4.dead"),
      );
      const end = b.records.find((r) => r.kind === "bump" && r.id === "a4.dead");
      expect(end?.guards).toEqual(["t:dead"]);
      expect((await a.append("bump", "a4.alive", ["t:alive"])).held).toBe(true);
    });

    test("says who is alive, and forgets who has left", async () => {
      const a = await member("a5");
      const b = await member("b5");
      expect((await a.append("bump", "", ["t:x"])).nodes).toEqual(
        expect.arrayContaining(["a5", "b5"]),
      );
      await b.transport.leave("b5");
      expect((await a.append("bump", "", ["t:x"])).nodes).not.toContain("b5");
    });

    test("acknowledgements reach the writer, with their epoch", async () => {
      const a = await member("a6");
      const b = await member("b6");
      const { epoch, seq } = await a.append("pending", "a6.1", ["t:1"]);
      await b.transport.ack({ node: "b6", writer: "a6", epoch, seq });
      await eventually("it is told", () => a.acks.some(([n, s]) => n === "b6" && s === seq));
      await a.append("bump", "a6.1", []);
    });

    test("a beat says where the log stands", async () => {
      const a = await member("a7");
      const { seq, epoch } = await a.append("bump", "", ["t:1"]);
      expect(await a.transport.beat({ node: "a7", renew: [], pendingLeaseMs: 1000 })).toEqual({
        epoch,
        seq,
      });
    });
  });
}

behaves("Redis", async () => {
  const redis = await TestRedis.start();
  const link = openRedisLink(redis.target(), () => {});
  await link.connected;
  return {
    open: async () =>
      redisTransport({
        target: redis.target(),
        link,
        namespace: "conformance",
        aliveForMs: 1000,
        maxRecords: 10_000,
        maxGuards: 10_000,
        onError: () => {},
      }),
    async close() {
      link.close();
      await redis.dispose();
    },
  };
});

behaves("IPC", async () => {
  const hub = new LogHub({ leaseMs: 500, clock: new SystemClock() });
  return {
    async open() {
      const [parent, child] = channelPair();
      hub.attach(parent);
      return ipcTransport(child);
    },
    async close() {},
  };
});

/** Two ends of a channel that hands messages over later, as processes do. */
function channelPair(): [IpcChannel, IpcChannel] {
  const listeners: [Set<(m: unknown) => void>, Set<(m: unknown) => void>] = [new Set(), new Set()];
  const end = (mine: 0 | 1, theirs: 0 | 1): IpcChannel => ({
    send: (message) => {
      const copy: unknown = JSON.parse(JSON.stringify(message));
      setImmediate(() => {
        for (const listener of listeners[theirs]) listener(copy);
      });
    },
    listen(onMessage) {
      listeners[mine].add(onMessage);
      return () => listeners[mine].delete(onMessage);
    },
  });
  return [end(0, 1), end(1, 0)];
}
