import { afterEach, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultRules } from "../rules/default-rules.ts";
import type { FigureName } from "../rules/figures.ts";
import type { Rule } from "../rules/rule.ts";
import { AlertEngine } from "./alert-engine.ts";
import type { AlertNote } from "./alert-note.ts";
import type { AlertState } from "./alert-state.ts";
import type { AlertEvent, AlertStore, Delivery, Silence } from "./alert-store.ts";
import type { Receiver } from "./receiver.ts";

let running: AlertEngine | undefined;
afterEach(() => running?.stop());

/** A store in memory, with what a database would keep. */
function memoryStore() {
  const store = {
    isLeader: true,
    isAway: false,
    rules: [] as Rule[],
    states: new Map<string, AlertState>(),
    silences: [] as Silence[],
    events: [] as AlertEvent[],
    deliveries: [] as Delivery[],
    putOff: [] as (number | null)[],
    async lead() {
      if (store.isAway) throw new Error("the database is away");
      return store.isLeader;
    },
    load: async () => ({
      rules: store.rules,
      states: structuredClone(store.states),
      silences: store.silences,
    }),
    async commit(changes: Parameters<AlertStore["commit"]>[0]) {
      for (const { ruleId, state } of changes.states) store.states.set(ruleId, state);
      store.events.push(...changes.events);
      for (const { receiver, notes } of changes.deliveries) {
        store.deliveries.push({ id: `${store.deliveries.length}`, receiver, notes, attempts: 0 });
      }
    },
    due: async () => [...store.deliveries],
    async delivered(id: string) {
      store.deliveries = store.deliveries.filter((delivery) => delivery.id !== id);
    },
    async failed(_: string, __: string, againInMs: number | null) {
      store.putOff.push(againInMs);
    },
  };
  return store satisfies AlertStore;
}

type Values = Partial<Record<FigureName, number | null>>;

function open(receivers: Receiver[], rules: Rule[] = []) {
  const store = memoryStore();
  store.rules = rules;
  const values: Values = { silent_servers: 0, queue_length: 0, cpu: 0, memory: 0, disk: 0 };
  const clock = { nowMs: 1_800_000_000_000 };
  const errors: string[] = [];
  running = new AlertEngine({
    store,
    receivers,
    figures: async () => ({ value: (name) => values[name] ?? null }),
    onError: (error, during) => errors.push(`${during}: ${(error as Error).message}`),
    now: () => clock.nowMs,
  });
  const engine = running;
  /** Lets time pass, looking every 15 s. */
  const pass = async (seconds: number) => {
    for (let passed = 0; passed < seconds; passed += 15) {
      clock.nowMs += 15_000;
      await engine.look();
      await sleep(0);
    }
  };
  return { store, values, pass, errors };
}

function receiver(name = "ears", kind: Receiver["kind"] = "notify") {
  const told: AlertNote[][] = [];
  const send = async (notes: readonly AlertNote[]) => void told.push([...notes]);
  return { kind, name, send, told, said: () => told.map((notes) => notes.map(say)) };
}

const say = ({ ruleId, state }: AlertNote) => `${ruleId} ${state}`;

test("a receiver is told once that it fires and once that it is over", async () => {
  const ears = receiver();
  const { store, values, pass } = open([ears]);
  values.memory = 0.95;
  await pass(600);
  expect(ears.said()).toEqual([["memory firing"]]);
  values.memory = 0.5;
  await pass(60);
  expect(ears.said()).toEqual([["memory firing"], ["memory resolved"]]);
  expect(store.events.map(({ ruleId, kind }) => `${ruleId} ${kind}`)).toEqual([
    "memory firing",
    "memory resolved",
  ]);
});

test("what fires at the same look comes in one message", async () => {
  const ears = receiver();
  const { values, pass } = open([ears]);
  Object.assign(values, { memory: 0.95, response_time_p95: 9, requests: 500 });
  await pass(240);
  expect(ears.said().map((said) => said.toSorted())).toEqual([
    ["memory firing", "response_time firing"],
  ]);
});

test("one server of many looks", async () => {
  const ears = receiver();
  const { store, values, pass } = open([ears]);
  store.isLeader = false;
  values.memory = 0.95;
  await pass(600);
  expect(ears.told).toEqual([]);
});

test("it is told again after four hours, unless somebody has acknowledged it", async () => {
  const ears = receiver();
  const { store, values, pass } = open([ears]);
  values.memory = 0.95;
  await pass(5 * 3600);
  expect(ears.told).toHaveLength(2);
  const state = store.states.get("memory") as AlertState;
  store.states.set("memory", { ...state, acknowledgedBy: "Ada" });
  await pass(9 * 3600);
  expect(ears.told).toHaveLength(2);
}, 60_000);

test("a silenced alert is told when the silence ends and it still fires", async () => {
  const ears = receiver();
  const { store, values, pass } = open([ears]);
  store.silences = [{ ruleId: "memory", untilMs: 1_800_000_000_000 + 3_600_000 }];
  values.memory = 0.95;
  await pass(3000);
  expect(store.states.get("memory")?.state).toBe("firing");
  expect(ears.told).toEqual([]);
  await pass(700);
  expect(ears.said()).toEqual([["memory firing"]]);
});

test("what another alert causes is not told; both are seen", async () => {
  const ears = receiver();
  const { store, values, pass } = open([ears]);
  Object.assign(values, { model_error_rate: 1, first_token_p95: 30, model_requests: 100 });
  await pass(900);
  expect(store.states.get("first_token")?.state).toBe("firing");
  expect(ears.said()).toEqual([["model_errors firing"]]);
});

test("a receiver that hangs or fails does not hold up another, and is tried again, later each time", async () => {
  const ears = receiver();
  const deaf: Receiver = {
    kind: "notify",
    name: "deaf",
    async send() {
      throw new Error("connection refused");
    },
  };
  const hung: Receiver = {
    kind: "notify",
    name: "hung",
    send: (_, signal) =>
      new Promise((__, reject) =>
        signal.addEventListener("abort", () => reject(new Error("aborted"))),
      ),
  };
  const { store, values, pass, errors } = open([hung, deaf, ears]);
  values.memory = 0.95;
  await pass(240);
  expect(ears.said()).toEqual([["memory firing"]]);
  expect(store.deliveries.map((delivery) => delivery.receiver)).toEqual(["hung", "deaf"]);
  expect(store.putOff[0]).toBe(10_000);
  expect(errors).toContain("telling deaf: connection refused");
});

test("a mirror is told each minute of all that fires, the heartbeat with it", async () => {
  const mirror = receiver("mirror", "mirror");
  const ears = receiver();
  const { values, pass } = open([mirror, ears]);
  await pass(300);
  expect(mirror.told.length).toBeWithin(5, 7);
  expect(mirror.said()[0]).toEqual(["heartbeat firing"]);
  values.silent_servers = 1;
  await pass(15);
  expect(mirror.said().at(-1)?.toSorted()).toEqual(["heartbeat firing", "silent_servers firing"]);
  expect(ears.said()).toEqual([["silent_servers firing"]]);
});

test("while the store is away, whoever looked last tells of it, once, and of its end when it is back", async () => {
  const ears = receiver();
  const { store, values, pass } = open([ears]);
  values.memory = 0.95;
  await pass(240);
  store.isAway = true;
  await pass(15);
  expect(ears.said()).toEqual([["memory firing"]]);
  await pass(600);
  // What cannot be known without the store stays as it was.
  expect(ears.said()).toEqual([["memory firing"], ["database_down firing"]]);
  store.isAway = false;
  // Another server may have been the first to find it back.
  store.isLeader = false;
  await pass(15);
  expect(store.deliveries.map(({ notes }) => notes.map(say))).toEqual([["database_down resolved"]]);
  expect(store.events.map(({ ruleId, kind }) => `${ruleId} ${kind}`)).toEqual([
    "memory firing",
    "database_down firing",
    "database_down resolved",
  ]);
  expect(store.states.get("memory")?.state).toBe("firing");
  expect(store.states.get("database_down")?.state).toBe("inactive");
});

test("a server that does not look after the alerts says nothing when the store is away", async () => {
  const ears = receiver();
  const { store, pass } = open([ears]);
  store.isLeader = false;
  await pass(30);
  store.isAway = true;
  await pass(600);
  expect(ears.told).toEqual([]);
});

test("a receiver that cannot be told without the store is tried again with each look", async () => {
  const ears = receiver();
  let isDeaf = true;
  const send = async (notes: readonly AlertNote[]) => {
    if (isDeaf) throw new Error("connection refused");
    await ears.send(notes);
  };
  const { store, pass, errors } = open([{ ...ears, send }]);
  await pass(15);
  store.isAway = true;
  await pass(60);
  expect(errors).toContain("telling ears: connection refused");
  isDeaf = false;
  await pass(60);
  expect(ears.said()).toEqual([["database_down firing"]]);
});

test("a rule that cannot be read is told of, and the others are looked at", async () => {
  const ears = receiver();
  const broken = { ...(defaultRules.find(({ id }) => id === "cpu") as Rule), expression: "cpu[" };
  const { values, pass, errors } = open([ears], [broken]);
  values.memory = 0.95;
  await pass(240);
  expect(errors[0]).toStartWith("reading the rule cpu: At character 4");
  expect(ears.said()).toEqual([["memory firing"]]);
});

test("a rule that is switched off ends what it had begun", async () => {
  const ears = receiver();
  const { store, values, pass } = open([ears]);
  values.memory = 0.95;
  await pass(240);
  store.rules = [{ ...(defaultRules.find(({ id }) => id === "memory") as Rule), isEnabled: false }];
  await pass(30);
  expect(ears.said()).toEqual([["memory firing"], ["memory resolved"]]);
});
