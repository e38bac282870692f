import { createCache } from "../create-cache.ts";
import { ipcTransport } from "../log/ipc-transport.ts";
import { typed } from "../type-table.ts";
import type { MemberCommand, MemberReply } from "./member.ts";
import { openTruth } from "./sql-truth.ts";

/**
 * One process of several in the tests of the promises: a cache over the cells of a real Postgres,
 * told what to do by messages from the test. Settings come as JSON in the first argument.
 */
const settings = JSON.parse(process.argv[2] ?? "{}") as {
  redisUrl?: string;
  postgresUrl: string;
  namespace: string;
  witness: boolean;
  leaseMs: number;
  pendingLeaseMs: number;
};

const truth = openTruth(settings.postgresUrl);
const cache = await createCache({
  types: {
    cell: { lifetimeMs: 600_000, layer: "redis", key: ["id"], value: typed<{ n: number }>() },
  },
  redis:
    settings.redisUrl === undefined
      ? undefined
      : {
          target: { kind: "single", url: settings.redisUrl },
          namespace: settings.namespace,
          maxLogRecords: 1000,
        },
  transport:
    settings.redisUrl === undefined
      ? ipcTransport({
          send: (message) => process.send?.(message),
          listen(onMessage) {
            process.on("message", onMessage);
            return () => process.off("message", onMessage);
          },
        })
      : undefined,
  witness: settings.witness ? truth.witness : undefined,
  leaseMs: settings.leaseMs,
  pendingLeaseMs: settings.pendingLeaseMs,
});

async function run(command: MemberCommand): Promise<NonNullable<MemberReply["result"]>> {
  const { id = 0 } = command;
  switch (command.kind) {
    case "read": {
      const load = async () => ({ n: await truth.read(id) });
      const { n } = await cache.getOrLoad("cell", { owner: "test", id }, load, {
        tags: [`cell:${id}`],
      });
      return { n };
    }
    case "write": {
      const n = await cache.mutate([`cell:${id}`], async () => {
        if (command.die === "before") process.kill(process.pid, "SIGKILL");
        const written = await truth.increment(id);
        if (command.die === "after") process.kill(process.pid, "SIGKILL");
        return written;
      });
      return { n };
    }
    case "clear":
      await cache.clear();
      return {};
    case "stats":
      return { stats: cache.stats() };
    case "close":
      await cache.close();
      await truth.close();
      return {};
  }
}

process.on("message", (message: unknown) => {
  if (typeof message !== "object" || message === null || !("command" in message)) return;
  const { call, command } = message as { call: number; command: MemberCommand };
  run(command).then(
    (result) => process.send?.({ call, result } satisfies MemberReply),
    (error) => process.send?.({ call, error: String(error) } satisfies MemberReply),
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({ ready: true });
