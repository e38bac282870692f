import { beforeEach, expect, test } from "bun:test";
import { SQL } from "bun";
import { newId } from "../ids.ts";
import { useDatabase } from "../testing/use-database.ts";

const fixture = useDatabase();
const firing = { state: "firing", sinceMs: 1, value: 0.95 };
const inactive = { state: "inactive", sinceMs: 2, value: 0.5 };
const nothing = { states: [], events: [], deliveries: [] };

async function execute(statement: string): Promise<void> {
  const sql = new SQL({ url: fixture.url, max: 1 });
  await sql.unsafe(statement);
  await sql.close();
}

beforeEach(async () => {
  await execute(
    "truncate alert_rules, alert_states, alert_silences, alert_events, alert_deliveries, alert_lease",
  );
});

test("of many servers one leads, until it resigns or is not heard of", async () => {
  const { alerts } = fixture.database;
  const servers = Array.from({ length: 5 }, newId);
  const tries = await Promise.all(servers.map((server) => alerts.lead(server, 30)));
  expect(tries.filter(Boolean)).toHaveLength(1);
  const leader = servers[tries.indexOf(true)] as string;
  const other = servers[tries.indexOf(false)] as string;
  expect(await alerts.lead(leader, 30)).toBe(true);
  expect(await alerts.lead(other, 30)).toBe(false);
  await execute("update alert_lease set until = now() - interval '1 second'");
  expect(await alerts.lead(other, 30)).toBe(true);
  expect(await alerts.lead(leader, 30)).toBe(false);
  await alerts.resign(other);
  expect(await alerts.lead(leader, 30)).toBe(true);
});

test("what a look found is kept as a whole, and comes back as it was", async () => {
  const { alerts } = fixture.database;
  const notes = [{ ruleId: "memory", title: 'It\'s "full" \\ 90 %', value: null }];
  const atMs = Date.now();
  await alerts.commit({
    states: [{ ruleId: "memory", state: firing }],
    events: [{ ruleId: "memory", kind: "firing", atMs, value: 0.95 }],
    deliveries: [
      { receiver: "log", notes },
      { receiver: "e-mail", notes },
    ],
  });
  expect(await alerts.states()).toEqual([
    { ruleId: "memory", state: firing, acknowledgedBy: null },
  ]);
  expect(await alerts.events(atMs - 1)).toMatchObject([
    { ruleId: "memory", kind: "firing", atMs, value: 0.95 },
  ]);
  expect(await alerts.due()).toMatchObject([
    { receiver: "log", notes, attempts: 0 },
    { receiver: "e-mail", notes, attempts: 0 },
  ]);
  expect(await alerts.countFiring()).toBe(1);
});

test("an acknowledgement stays through looks, and goes when the alert is over", async () => {
  const { alerts } = fixture.database;
  expect(await alerts.acknowledge("memory", "Ada")).toBe(false);
  await alerts.commit({ ...nothing, states: [{ ruleId: "memory", state: firing }] });
  expect(await alerts.acknowledge("memory", "Ada")).toBe(true);
  await alerts.commit({ ...nothing, states: [{ ruleId: "memory", state: firing }] });
  expect(await alerts.states()).toMatchObject([{ acknowledgedBy: "Ada" }]);
  await alerts.commit({ ...nothing, states: [{ ruleId: "memory", state: inactive }] });
  expect(await alerts.states()).toMatchObject([{ acknowledgedBy: null }]);
});

test("a delivery that failed comes again later, or never", async () => {
  const { alerts } = fixture.database;
  await alerts.commit({
    ...nothing,
    deliveries: ["later", "never", "told"].map((receiver) => ({ receiver, notes: [] })),
  });
  const [later, never, told] = await alerts.due();
  await alerts.deliveryFailed(later?.id ?? "", "connection refused", 60_000);
  await alerts.deliveryFailed(never?.id ?? "", "gone", null);
  await alerts.delivered(told?.id ?? "");
  expect(await alerts.due()).toEqual([]);
  await execute("update alert_deliveries set next_at = next_at - interval '61 seconds'");
  expect(await alerts.due()).toMatchObject([{ receiver: "later", attempts: 1 }]);
});

test("silences end by themselves, or when they are ended", async () => {
  const { alerts } = fixture.database;
  const silence = { ruleId: null, reason: "upgrade", createdBy: "Ada" };
  const [soon, long] = [newId(), newId()];
  const untilMs = Date.now() + 3_600_000;
  await alerts.silence({ ...silence, id: soon, untilMs: Date.now() - 1000 });
  await alerts.silence({ ...silence, id: long, untilMs });
  expect(await alerts.silences()).toEqual([{ ...silence, id: long, untilMs }]);
  expect(await alerts.endSilence(long)).toBe(true);
  expect(await alerts.endSilence(long)).toBe(false);
  expect(await alerts.silences()).toEqual([]);
});

test("rules are kept by their id, with who changed them", async () => {
  const { alerts } = fixture.database;
  await alerts.saveRule("cpu", { id: "cpu", threshold: 1 }, "Ada");
  await alerts.saveRule("cpu", { id: "cpu", threshold: 2 }, "Grace");
  expect(await alerts.rules()).toEqual([{ rule: { id: "cpu", threshold: 2 }, updatedBy: "Grace" }]);
  expect(await alerts.deleteRule("cpu")).toBe(true);
  expect(await alerts.deleteRule("cpu")).toBe(false);
});

test("only servers that were cut off count as silent, not those that signed off", async () => {
  const { servers } = fixture.database;
  const [gone, stopped, alive] = [newId(), newId(), newId()];
  for (const server of [gone, stopped, alive]) await servers.heartbeat(server);
  await servers.remove(stopped);
  await execute(
    `update servers set last_seen_at = now() - interval '2 minutes' where id = '${gone}'`,
  );
  expect(await servers.countSilent(60)).toBe(1);
});

test("what administrators did is kept, the newest first", async () => {
  const { audit } = fixture.database;
  const entry = { userId: newId(), userName: "Ada", action: "cache.clear", subject: "all" };
  await audit.add({ ...entry, result: "done" });
  await audit.add({ ...entry, result: "not_found" });
  expect((await audit.list(10)).map(({ userName, result }) => [userName, result])).toEqual([
    ["Ada", "not_found"],
    ["Ada", "done"],
  ]);
});
