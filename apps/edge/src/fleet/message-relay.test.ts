import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { eventually } from "../testing/test-edge.ts";
import { type FleetMessage, MessageRelay, type Receiver } from "./message-relay.ts";
import { ServerProcess } from "./server-process.ts";

/** A server that reads when it is told to. */
class FakeServer implements Receiver {
  readonly heard: FleetMessage[] = [];
  readonly #unwritten: (() => void)[] = [];
  isReading = true;

  send(message: FleetMessage, written: (error: Error | null) => void): void {
    this.heard.push(message);
    if (this.isReading) written(null);
    else this.#unwritten.push(() => written(null));
  }

  read(): void {
    this.isReading = true;
    for (const written of this.#unwritten.splice(0)) written();
  }

  get numbers(): unknown[] {
    return this.heard.map((message) =>
      message.type === "broadcast" ? message.data : message.type,
    );
  }
}

function said(data: unknown): FleetMessage {
  return { type: "broadcast", channel: "live", data };
}

describe("the relay", () => {
  test("tells all others in order, and never the one who said it", () => {
    const relay = new MessageRelay();
    const [a, b, c] = [new FakeServer(), new FakeServer(), new FakeServer()];
    for (const server of [a, b, c]) relay.join(server);
    relay.broadcast(a, said(1));
    relay.broadcast(b, said(2));
    relay.broadcast(a, said(3));
    expect(a.numbers).toEqual([2]);
    expect(b.numbers).toEqual([1, 3]);
    expect(c.numbers).toEqual([1, 2, 3]);
  });

  test("holds back for a slow one, and cuts off one that does not read", () => {
    const relay = new MessageRelay(10);
    const [speaker, slow, quick] = [new FakeServer(), new FakeServer(), new FakeServer()];
    for (const server of [speaker, slow, quick]) relay.join(server);
    slow.isReading = false;
    for (let count = 0; count < 200; count++) relay.broadcast(speaker, said(count));
    // 64 are under way; the next ten were queued, the eleventh was too many.
    expect(slow.heard).toHaveLength(64);
    expect(quick.heard).toHaveLength(200);
    slow.read();
    relay.broadcast(speaker, said("after"));
    expect(slow.numbers.slice(64)).toEqual(["gap", "after"]);
  });

  test("forgets one that leaves", () => {
    const relay = new MessageRelay();
    const [a, b] = [new FakeServer(), new FakeServer()];
    relay.join(a);
    relay.join(b);
    relay.leave(b);
    relay.broadcast(a, said(1));
    expect(b.heard).toEqual([]);
  });
});

describe("between processes", () => {
  const servers: ServerProcess[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop(0))));

  test("one that is stopped does not hold up the others, and is told of the gap", async () => {
    const heard = new Map<ServerProcess, unknown[]>();
    const start = async (name: string) => {
      const server = new ServerProcess({
        command: [process.execPath, join(import.meta.dirname, "../testing/fault-server.ts"), name],
        environment: process.env,
        onMessage: (from, message) => {
          const { message: inner } = message as unknown as { message: FleetMessage };
          const list = heard.get(from) ?? [];
          heard.set(from, list);
          list.push(inner.type === "broadcast" ? (inner.data as { n: number }).n : inner.type);
        },
      });
      servers.push(server);
      await server.ready;
      return server;
    };
    const [speaker, stopped, well] = [await start("a"), await start("b"), await start("c")];
    const relay = new MessageRelay(500);
    for (const server of servers) relay.join(server);
    process.kill(stopped!.pid, "SIGSTOP");
    const count = 2000;
    for (let n = 0; n < count; n++) {
      relay.broadcast(speaker!, said({ n, padding: "x".repeat(4000) }));
      if (n % 100 < 99) continue;
      await eventually(() => heard.get(well!)?.length === n + 1, "all at the one that reads");
    }
    expect(heard.get(well!)).toEqual(Array.from({ length: count }, (_, n) => n));
    process.kill(stopped!.pid, "SIGCONT");
    await eventually(() => heard.get(stopped!)?.includes("gap") === true, "the word of the gap");
    relay.broadcast(speaker!, said({ n: "after" }));
    await eventually(() => heard.get(stopped!)?.at(-1) === "after", "what came after it");
    const numbers = heard.get(stopped!)!;
    const gap = numbers.indexOf("gap");
    expect(numbers.slice(0, gap)).toEqual(Array.from({ length: gap }, (_, n) => n));
    expect(numbers.length).toBeLessThan(count);
  });
});
