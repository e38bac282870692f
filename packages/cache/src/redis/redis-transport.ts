import { randomUUID } from "node:crypto";
import type { LogSnapshot } from "../log/records.ts";
import type { AppendReply, Transport, TransportEvents } from "../log/transport.ts";
import { LogReader } from "./log-reader.ts";
import { APPEND, BEAT, JOIN } from "./log-scripts.ts";
import { openRedisLink, type RedisLink, type RedisTarget } from "./redis-link.ts";

export interface RedisTransportOptions {
  target: RedisTarget;
  /** The link that commands go through; not closed by this. */
  link: RedisLink;
  namespace: string;
  /** How long after its last word a process is waited for. At least two leases. */
  aliveForMs: number;
  /** About how many records the stream keeps. A process further behind empties its memory. */
  maxRecords: number;
  /** How many guards Redis remembers. Values stamped before the oldest of them count as old. */
  maxGuards: number;
  onError: (error: unknown, during: string) => void;
}

/** The keys of the log, sharing one node of a cluster by their hash tag. */
export function logKeys(namespace: string): string[] {
  return ["meta", "tags", "pend", "nodes", "log"].map((part) => `{${namespace}}:log:${part}`);
}

/** The log of invalidations as a Redis Stream, read on a connection of its own. */
export function redisTransport(options: RedisTransportOptions): Transport {
  const { link, namespace, aliveForMs, onError } = options;
  const keys = logKeys(namespace);
  const maxRecords = String(options.maxRecords);
  const maxGuards = String(options.maxGuards);
  let reader: LogReader | undefined;

  const ackStream = (node: string) => `{${namespace}}:log:acks:${node}`;

  return {
    async join(node): Promise<LogSnapshot> {
      const reply = await JOIN.run(link, keys, [randomUUID(), node, maxRecords, maxGuards]);
      const [epoch, seq, marks] = reply as [Buffer, Buffer, Buffer[]];
      const pending: { id: string; guards: string[] }[] = [];
      const patterns: { glob: string; seq: number }[] = [];
      for (let i = 0; i + 1 < marks.length; i += 2) {
        const name = String(marks[i]);
        const value = String(marks[i + 1]);
        if (name.startsWith("p:")) {
          pending.push({ id: name.slice(2), guards: JSON.parse(value).guards as string[] });
        } else if (name.startsWith("g:")) {
          patterns.push({ glob: name.slice(2), seq: Number(value) });
        }
      }
      return { epoch: String(epoch), seq: Number(seq), pending, patterns };
    },

    follow({ node, seq }, events: TransportEvents) {
      reader?.close();
      reader = new LogReader({
        open: () => openRedisLink(options.target, (error) => onError(error, "reading the log")),
        logKey: keys[4] as string,
        ackKey: ackStream(node),
        fromSeq: seq,
        onRecords: (batches) => {
          for (const [epoch, records] of batches) events.records(epoch, records);
        },
        onAck: (from, epoch, upTo) => events.acked(from, epoch, upTo),
        onError: (error) => onError(error, "reading the log"),
      });
    },

    async beat({ node, renew, pendingLeaseMs }) {
      const reply = await BEAT.run(link, keys, [
        randomUUID(),
        node,
        maxRecords,
        maxGuards,
        String(pendingLeaseMs),
        ...renew,
      ]);
      const [epoch, seq] = reply as [Buffer, Buffer];
      return { epoch: String(epoch), seq: Number(seq) };
    },

    async append({ kind, id, node, guards, pendingLeaseMs, wantsAck }): Promise<AppendReply> {
      const reply = await APPEND.run(link, keys, [
        randomUUID(),
        node,
        maxRecords,
        maxGuards,
        String(pendingLeaseMs),
        kind,
        id,
        wantsAck ? "1" : "0",
        String(aliveForMs),
        JSON.stringify(guards),
      ]);
      const [epoch, seq, held, ageMs, nodes] = reply as [Buffer, Buffer, number, number, Buffer[]];
      return {
        epoch: String(epoch),
        seq: Number(seq),
        held: held === 1,
        ageMs,
        nodes: nodes.map(String),
      };
    },

    async ack({ node, writer, epoch, seq }) {
      const stream = ackStream(writer);
      await Promise.all([
        link.send(stream, [
          ...["XADD", stream, "MAXLEN", "~", "1000", "*"],
          ...["n", node, "e", epoch, "s", String(seq)],
        ]),
        link.send(stream, ["PEXPIRE", stream, ACKS_KEPT_MS]),
      ]);
    },

    async leave(node) {
      await Promise.all([
        link.send(keys[3] as string, ["ZREM", keys[3] as string, node]),
        link.send(ackStream(node), ["DEL", ackStream(node)]),
      ]);
    },

    async close() {
      reader?.close();
    },
  };
}

const ACKS_KEPT_MS = "60000";
