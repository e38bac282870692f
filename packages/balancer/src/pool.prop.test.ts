import { expect, test } from "bun:test";
import fc from "fast-check";
import { algorithmNames, BalancerError, type FailureKind, Pool, type Ticket } from "./index.ts";
import { seededRandom } from "./testing/seeded-random.ts";
import { VirtualClock } from "./testing/virtual-clock.ts";

const ends = ["succeed", "release", "unreachable", "timeout", "rate_limited"] as const;
const ids = ["a", "b", "c", "d"];

const step = fc.oneof(
  fc.record({
    kind: fc.constant("ask" as const),
    key: fc.option(fc.constantFrom("x", "y"), { nil: undefined }),
    cost: fc.integer({ min: 1, max: 50 }),
    priority: fc.constantFrom("interactive" as const, "background" as const),
    credential: fc.option(fc.constantFrom("k1", "k2"), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant("end" as const),
    which: fc.nat(20),
    how: fc.constantFrom(...ends),
  }),
  fc.record({ kind: fc.constant("byte" as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constant("leave" as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1, 50, 2500, 20_000) }),
  fc.record({ kind: fc.constant("drain" as const), id: fc.constantFrom(...ids) }),
  fc.record({ kind: fc.constant("undrain" as const), id: fc.constantFrom(...ids) }),
  fc.record({ kind: fc.constant("list" as const), list: fc.subarray(ids, { minLength: 1 }) }),
);

test("whatever happens in whatever order, the books are right and nobody is forgotten", async () => {
  const run = fc.asyncProperty(
    fc.constantFrom(...algorithmNames),
    fc.integer({ min: 1, max: 3 }),
    fc.array(step, { maxLength: 80 }),
    async (algorithm, maxInFlight, steps) => {
      const clock = new VirtualClock();
      const listOf = (names: readonly string[]) =>
        names.map((id, at) => ({ id, url: `http://${id}`, weight: at + 1, backup: id === "d" }));
      const pool = new Pool({
        servers: listOf(ids),
        algorithm,
        maxInFlight,
        queue: { maxLength: 5, maxWaitMs: 4000 },
        clock,
        random: seededRandom(1),
      });
      const out: { ticket: Ticket; id: string }[] = [];
      let asked = 0;
      let refused = 0;
      let granted = 0;
      const leavers: AbortController[] = [];
      const known = (id: string) => pool.snapshot().servers.some((server) => server.id === id);

      for (const now of steps) {
        if (now.kind === "ask") {
          const leaver = new AbortController();
          leavers.push(leaver);
          asked++;
          pool.acquire({ ...now, signal: leaver.signal }).then(
            (ticket) => {
              granted++;
              out.push({ ticket, id: ticket.server.id });
            },
            (error: unknown) => {
              refused++;
              if (!leaver.signal.aborted) expect(error).toBeInstanceOf(BalancerError);
            },
          );
        } else if (now.kind === "end") {
          const [entry] = out.splice(now.which % Math.max(1, out.length), 1);
          if (now.how === "succeed" || now.how === "release") entry?.ticket[now.how]();
          else entry?.ticket.fail(now.how satisfies FailureKind);
        } else if (now.kind === "byte")
          out[now.which % Math.max(1, out.length)]?.ticket.firstByte();
        else if (now.kind === "leave") leavers[now.which % Math.max(1, leavers.length)]?.abort();
        else if (now.kind === "drain" && known(now.id)) void pool.drain(now.id);
        else if (now.kind === "undrain" && known(now.id)) pool.undrain(now.id);
        else if (now.kind === "list") pool.apply(listOf(now.list));
        await clock.advance(now.kind === "pass" ? now.ms : 0);

        const { servers, waiting } = pool.snapshot();
        const inLine = waiting.interactive + waiting.background;
        expect(granted + refused + inLine).toBe(asked);
        expect(inLine).toBeLessThanOrEqual(5);
        for (const server of servers) {
          expect(server.inFlight).toBeLessThanOrEqual(maxInFlight);
          expect(server.inFlight).toBeLessThanOrEqual(
            out.filter(({ id }) => id === server.id).length,
          );
          expect(server.cost).toBeGreaterThanOrEqual(server.inFlight);
        }
      }

      while (out.length > 0) {
        for (const { ticket } of out.splice(0)) ticket.succeed();
        await clock.advance(0);
      }
      pool.close();
      await clock.advance(0);
      expect(granted + refused).toBe(asked);
      expect(clock.pending).toBe(0);
      for (const { inFlight, cost } of pool.snapshot().servers) {
        expect({ inFlight, cost }).toEqual({ inFlight: 0, cost: 0 });
      }
    },
  );
  await fc.assert(run, { numRuns: 300 });
}, 60_000);
