import { afterAll, beforeAll, expect, test } from "bun:test";
import { type EdgeProcess, startEdgeProcess } from "@peregrine/e2e/edge-process";
import type { AuditBody, BalancerBody, PerformanceBody } from "@peregrine/protocol";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

const base = "/api/v1/performance";
const token = "a token: with @ and é";
/** This machine may have more to do than the thresholds allow, which is not what is looked at. */
const unhurried = { MEMORY_THRESHOLD: "1", CPU_THRESHOLD: "1" };
const password = encodeURIComponent(token);

/** Knows of no door. */
let first: TestServer;
/** Knows the door that both stand behind. */
let second: TestServer;
let edge: EdgeProcess;
/** An administrator, asking the second server itself. */
let admin: TestUser;
/** Stops what was started, last first. */
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  first = await startTestServer({ ...unhurried, SERVER_NAME: "first" });
  stops.push(() => first.stop());
  edge = await startEdgeProcess([first.url], {
    EDGE_ADMIN_TOKEN: token,
    // Gives a server that is back its turn however its latency is; others may leave it out for long.
    LOAD_BALANCER_ALGORITHM: "round_robin",
  });
  stops.push(() => edge.stop());
  second = await startTestServer({
    ...unhurried,
    SERVER_NAME: "second",
    DATABASE_URL: first.databaseUrl,
    EDGE_ADMIN_URL: edge.adminUrl.replace("//", `//admin:${password}@`),
  });
  stops.push(() => second.stop());
  const added = await fetch(`${edge.adminUrl}/edge/servers`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`any:${token}`).toString("base64")}` },
    body: JSON.stringify({ url: second.url }),
  });
  expect(added.status).toBe(201);
  admin = (await TestUser.register(first)).at(second);
}, 60_000);

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
}, 30_000);

const look = (user = admin) => user.json<BalancerBody>(`${base}/balancer`);
/** Of the first server and the second, as the door lists them. */
const states = async () => (await look()).servers.map(({ state }) => state);
const untilBothAreUp = () =>
  until(async () => (await states()).every((state) => state === "up"), "both to be up");
const drain = (server: string, drained: boolean, user = admin) =>
  user.fetch(`${base}/balancer/drain`, { json: { server, drained } });
const refused = (server: string, user = admin) =>
  user.error(`${base}/balancer/drain`, { json: { server, drained: true } });

/** Which servers answer requests that come through the door. */
async function whoAnswers(): Promise<string[]> {
  const names = new Set<string>();
  const throughDoor = admin.at(edge);
  for (let i = 0; i < 20; i++) {
    names.add((await throughDoor.json<PerformanceBody>(`${base}/metrics`)).server);
  }
  return [...names].sort();
}

test("the servers behind the door are listed as the door sees them", async () => {
  await untilBothAreUp();
  const { door, error, servers } = await look();
  expect([door, error]).toEqual(["reachable", null]);
  expect(servers.map(({ id }) => id)).toEqual([first.url, second.url]);
  for (const server of servers) {
    expect(server).toMatchObject({ state: "up", isBackup: false, weight: 1, maxInFlight: null });
    expect(server.currentWeight).toBeWithin(0, 1.001);
    expect(server.latencySeconds).toBeWithin(0, 60);
  }
}, 30_000);

test("what the door's cache answered is shown", async () => {
  const before = (await look()).cache;
  for (let i = 0; i < 4; i++) await (await fetch(`${edge.url}/assets/app-1234.js`)).text();
  const after = (await look()).cache;
  expect(after?.hits).toBe((before?.hits ?? 0) + 3);
  expect(after?.requests).toBe((before?.requests ?? 0) + 4);
  expect(after?.hitRatio).toBe((after?.hits ?? 0) / (after?.requests ?? 0));
  expect(after?.entries).toBeGreaterThan(0);
  expect(after?.bytes).toBeGreaterThan(0);
}, 30_000);

test("a drained server gets nothing new until it is taken back", async () => {
  await untilBothAreUp();
  expect((await drain(second.url, true)).status).toBe(204);
  expect((await states())[1]).toBe("draining");
  expect(await whoAnswers()).toEqual(["first"]);
  // Who comes through the door can take it back: the last one that is left is not drained.
  expect(await refused(first.url)).toMatchObject({ status: 409, code: "last_server" });
  expect((await drain(second.url, false)).status).toBe(204);
  expect((await states())[1]).not.toBe("draining");

  await untilBothAreUp();
  expect((await drain(first.url, true)).status).toBe(204);
  expect(await whoAnswers()).toEqual(["second"]);
  expect((await drain(first.url, false)).status).toBe(204);
  // It begins with a tenth of its share.
  await until(async () => (await whoAnswers()).includes("first"), "the first to answer again");
}, 60_000);

test("what is not there is said so, and every try is kept", async () => {
  expect(await refused("http://nobody")).toMatchObject({ status: 404, code: "not_found" });
  const { entries } = await admin.json<AuditBody>(`${base}/audit`);
  const told = entries.map(({ action, subject, result }) => `${action} ${subject} ${result}`);
  expect(told).toContain(`server.drain ${second.url} done`);
  expect(told).toContain(`server.undrain ${second.url} done`);
  expect(told).toContain(`server.drain ${first.url} last_server`);
  expect(told).toContain("server.drain http://nobody not_found");
});

test("a server that knows of no door says so", async () => {
  const there = admin.at(first);
  expect(await look(there)).toEqual({ door: "none", error: null, servers: [], cache: null });
  expect(await refused(second.url, there)).toMatchObject({ status: 404, code: "not_found" });
});

test("a door that is gone costs the answer its servers, and says why", async () => {
  expect(await edge.stop()).toBe(0);
  const gone = await look();
  expect(gone).toMatchObject({ door: "unreachable", servers: [], cache: null });
  expect(gone.error?.code).toBe("balancer_unavailable");
  expect(JSON.stringify(gone)).not.toContain(password);
  expect(await refused(first.url)).toMatchObject({ status: 503, code: "balancer_unavailable" });
  const { entries } = await admin.json<AuditBody>(`${base}/audit`);
  expect(entries[0]).toMatchObject({ action: "server.drain", result: "balancer_unavailable" });
});
