import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTestDatabase } from "@peregrine/database/testing";
import type {
  AlertListBody,
  AlertRule,
  AlertRuleListBody,
  HealthBody,
  PerformanceBody,
} from "@peregrine/protocol";
import { makeLimitedGroup } from "@peregrine/resources/testing";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

/** Alerts whose cause is a process's: it needs servers that are processes of their own. */
const base = "/api/v1/performance";
const memoryBytes = 768 * 1024 ** 2;
const group = makeLimitedGroup({ memoryBytes });
const inGroup = typeof group === "string" ? undefined : group;
/** The figures that alerts are judged by are gathered for 15 s at a time. */
const patient = { everyMs: 200, withinMs: 60_000 };
let server: ServerProcess;
let other: ServerProcess;
let cookie: string;
/** Stops what was started, last first. */
const stops: (() => unknown)[] = [() => inGroup?.remove()];

beforeAll(async () => {
  const database = await createTestDatabase();
  stops.push(() => database.drop());
  const environment = {
    DATABASE_URL: database.url,
    METRICS_PORT: "0",
    ALERT_INTERVAL: "1",
    // Whatever else this machine has to do is not the cause.
    CPU_THRESHOLD: "1",
    SHUTDOWN_TIMEOUT: "1",
  };
  server = await startServerProcess({ ...environment, SERVER_NAME: "first" }, inGroup?.inside);
  stops.push(() => server.remove());
  other = await startServerProcess({ ...environment, SERVER_NAME: "other" });
  stops.push(() => other.remove());
  const body = { email: "ada@example.org", password: "a good password", name: "Ada" };
  const registered = await ask("POST", "/api/v1/auth/register", body);
  cookie = registered.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
}, 60_000);

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
}, 30_000);

async function ask(method: string, path: string, body?: object): Promise<Response> {
  const response = await fetch(server.url + path, {
    method,
    headers: { "content-type": "application/json", cookie: cookie ?? "" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

async function get<T>(path: string): Promise<T> {
  return (await ask("GET", path)).json() as Promise<T>;
}

/** What happened to an alert, the latest first. */
async function eventsOf(id: string) {
  const { events } = await get<AlertListBody>(`${base}/alerts`);
  return events.filter(({ ruleId }) => ruleId === id).map(({ kind }) => kind);
}

/** A process in the server's group that takes as much memory as it is told to. */
function startHog(inside: (command: string[]) => string[]) {
  const script = `
    const held = [];
    for await (const line of console) held.push(Buffer.alloc(Number(line), 1));`;
  // Where memory ends all the same, it is this one that is to end, and not the server.
  const first = ["/bin/sh", "-c", 'echo 1000 > /proc/self/oom_score_adj && exec "$@"', "sh"];
  const child = Bun.spawn(inside([...first, process.execPath, "-e", script]), {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "inherit",
  });
  return {
    take(bytes: number) {
      child.stdin.write(`${Math.round(bytes)}\n`);
      child.stdin.flush();
    },
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

if (inGroup === undefined) {
  test.skip(`memory full in a container: no group can be made here (${group})`, () => {});
} else {
  test.concurrent(`memory that is full in a container (cgroup version ${inGroup.version}) is pressure and an alert, until it is freed`, async () => {
    const { rules } = await get<AlertRuleListBody>(`${base}/alerts/rules`);
    const rule = rules.find((entry) => entry.rule.id === "memory")?.rule as AlertRule;
    expect(rule.threshold).toBe(0.9);
    // The rule that comes along, with less patience.
    const hasty = { ...rule, expression: "memory[15s]", forSeconds: 0 };
    await ask("PUT", `${base}/alerts/rules/memory`, hasty);
    expect(await eventsOf("memory")).toEqual([]);

    const hog = startHog(inGroup.inside);
    try {
      const pressures = new Set<string>();
      // Slower than readings are taken, so that each shows what was taken before.
      await until(
        async () => {
          const { memory_usage, pressure } = await get<HealthBody>("/health");
          pressures.add(pressure);
          // What the server gives back under pressure is taken as well.
          if (memory_usage < 0.93) hog.take((0.945 - memory_usage) * memoryBytes);
          return (await eventsOf("memory")).length > 0;
        },
        "full memory to be an alert",
        { everyMs: 1500, withinMs: 90_000 },
      );
      expect(await eventsOf("memory")).toEqual(["firing"]);
      expect([...pressures]).toContain("caches_shrink");
      // It is the container's memory that is full, and not the machine's.
      const { system_resources } = await get<PerformanceBody>(`${base}/metrics`);
      expect(system_resources.memory_limit_bytes).toBe(memoryBytes);
    } finally {
      await hog.stop();
    }
    await until(async () => (await eventsOf("memory")).length > 1, "the alert to be over", patient);
    expect(await eventsOf("memory")).toEqual(["resolved", "firing"]);
    const isNormal = async () => (await get<HealthBody>("/health")).pressure === "normal";
    await until(isNormal, "the pressure to be over", patient);
  }, 240_000);
}

test.concurrent("a server that stands still is told of until it goes on", async () => {
  other.pause();
  try {
    const isFiring = async () => (await eventsOf("silent_servers")).length > 0;
    await until(isFiring, "the silent server to be an alert", patient);
  } finally {
    other.resume();
  }
  const isOver = async () => (await eventsOf("silent_servers")).length > 1;
  await until(isOver, "the alert to be over", patient);
  expect(await eventsOf("silent_servers")).toEqual(["resolved", "firing"]);
}, 150_000);
