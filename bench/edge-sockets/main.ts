import { join } from "node:path";
import { parseArgs } from "node:util";
import { startTestPostgres } from "@peregrine/database/testing";
import { Person } from "@peregrine/e2e/person";
import { startRedisServer } from "@peregrine/e2e/redis-server";
import { freePort } from "@peregrine/process/testing";
import { startProxy } from "../edge/proxies.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { fork, startModelServer, startServer } from "../support/processes.ts";
import { within } from "../support/within.ts";
import type { Order, Reply, Setup, Truth } from "./tabs.ts";

/**
 * Many tabs of the web application through front doors to several servers, each with a socket that
 * is echoed; then a server is killed under them while titles change, conversations begin and answers
 * are being written. Its tabs come back on the others, and in the end every tab knows what is true,
 * and has had what was told while it was there in order. Ends with 1 where one does not.
 *
 * A door needs two files for each socket, and a process may often open no more than 20,000: so there
 * are two doors, as behind a name with two addresses.
 */
const { values } = parseArgs({
  options: {
    sockets: { type: "string", default: "10000" },
    servers: { type: "string", default: "4" },
    doors: { type: "string", default: "2" },
    people: { type: "string", default: "20" },
    /** Tabs of each person that have an answer in view. */
    readers: { type: "string", default: "8" },
    /** Titles that change each second, for each person. */
    renames: { type: "string", default: "1" },
  },
});
const sockets = Number(values.sockets);
const tabProcesses = 4;
const settings = {
  EDGE_MAX_CONNECTIONS_PER_ADDRESS: "0",
  EDGE_MAX_CONNECTIONS: "100000",
};

printMachine(`npm run bench -- edge-sockets ${process.argv.slice(2).join(" ")}`);
const postgres = await startTestPostgres({ max_connections: "200" });
const redis = await startRedisServer();
const models = await startModelServer();
const servers: Awaited<ReturnType<typeof start>>[] = [];
// The first makes the schema.
for (let index = 0; index < Number(values.servers); index++) servers.push(await start());
const urls = servers.map(({ url }) => url).join(",");
const doors = await Promise.all(
  Array.from({ length: Number(values.doors) }, (_, i) =>
    startProxy("edge", urls, 2 + (i % 2), settings),
  ),
);
const [door = { url: "" }] = doors;
let isWell = false;
try {
  isWell = await loseAServer();
} finally {
  for (const each of doors) await each.stop();
  for (const { stop } of servers) await stop();
  await models.stop();
  await redis.stop();
  await postgres.stop();
}
process.exit(isWell ? 0 : 1);

async function start() {
  const metricsPort = await freePort();
  const server = await startServer({
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    MODEL_SERVERS: models.url,
    MODEL: "test",
    METRICS_PORT: String(metricsPort),
    DB_POOL_SIZE: "10",
    DB_MAX_OVERFLOW: "10",
    // A server that sheds load does so by design, and would only make its tabs come back later.
    CPU_THRESHOLD: "1",
    MEMORY_THRESHOLD: "1",
    SHUTDOWN_TIMEOUT: "1",
  });
  return {
    ...server,
    async sockets() {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      return Number(/^websocket_active_connections (\d+)/m.exec(text)?.[1] ?? Number.NaN);
    },
  };
}

async function loseAServer(): Promise<boolean> {
  const people = await Promise.all(
    Array.from({ length: Number(values.people) }, () => again(register)),
  );
  const [doorBytes, serverBytes] = [await bytesOf(doors), await bytesOf(servers)];

  let startedMs = performance.now();
  const processes = Array.from({ length: tabProcesses }, (_, i) => startTabs(i, people));
  await Promise.all(processes.map(({ reply }) => reply("open")));
  const openedAfter = seconds(startedMs);
  const before = await spreadOver(servers);
  console.log(`${sum(before)} sockets open after ${openedAfter} s, on ${before.join(", ")}`);
  const each = (bytes: number) => (bytes / sockets / 1000).toFixed(1);
  console.log(
    `memory for each, with its share of lists and caches: ${each((await bytesOf(doors)) - doorBytes)} kB at the door, ${each((await bytesOf(servers)) - serverBytes)} kB at the server`,
  );

  startedMs = performance.now();
  await order(processes, { type: "ping" }, "echoed");
  console.log(`every socket echoed after ${seconds(startedMs)} s`);

  await order(processes, { type: "watch" }, "watching");
  let isWriting = true;
  const writing = people.map((each) => write(each, () => isWriting));
  const answering = people.map(({ person, asked }) =>
    person.ask(door.url, asked, "{{tokens=100000 rate=5}}").catch(() => {}),
  );
  await Bun.sleep(5_000);

  const lost = Math.max(...before);
  const victim = servers[before.indexOf(lost)];
  const back = order(processes, { type: "come back" }, "back");
  const killedAt = performance.timeOrigin + performance.now();
  process.kill(victim?.pid ?? Number.NaN, "SIGKILL");
  const replies = await back;
  const openedMs = replies.flatMap(({ openedAt }) => openedAt.map((at) => at - killedAt));
  const readMs = replies.flatMap(({ readAt }) => readAt.map((at) => at - killedAt));
  const after = await spreadOver(servers.filter((server) => server !== victim));
  console.log(
    `a server killed under ${lost} of them: ${openedMs.length} back on the others (${after.join(", ")}), ${spread(openedMs)}; had read what they missed, ${spread(readMs)}`,
  );

  await Bun.sleep(2_000);
  await order(processes, { type: "watch" }, "watching");
  await Bun.sleep(5_000);
  isWriting = false;
  const written = sum(await Promise.all(writing));
  const statuses = await Promise.all(people.map(endAnswer));
  await Promise.all(answering);
  const truths = await Promise.all(people.map(truthOf));
  const compared = await order(processes, { type: "compare", truths }, "compared");
  const problems = compared.flatMap((reply) => reply.problems);
  const interrupted = statuses.filter((status) => status === "interrupted").length;
  console.log(
    `${written} titles written meanwhile, seen ${sum(compared.map(({ numbers }) => numbers))} times one after the other; ${people.length} answers, of which the lost server wrote ${interrupted}`,
  );
  startedMs = performance.now();
  await order(processes, { type: "ping" }, "echoed");
  console.log(`every socket echoed again after ${seconds(startedMs)} s`);
  console.log(`in the end ${sockets} tabs know what is true, but for ${problems.length} things`);
  for (const problem of problems.slice(0, 10)) console.log(`  ${problem}`);
  return problems.length === 0 && openedMs.length >= lost && sum(after) === sockets;
}

/** How many sockets each has, by its own figure, which is a moment old. */
async function spreadOver(all: typeof servers): Promise<number[]> {
  const deadlineMs = performance.now() + 15_000;
  for (;;) {
    const counts = await Promise.all(all.map((server) => server.sockets()));
    if (sum(counts) === sockets || performance.now() > deadlineMs) return counts;
    await Bun.sleep(100);
  }
}

type Writer = Awaited<ReturnType<typeof register>>;

async function register() {
  const person = await Person.register(door.url);
  const counted = await person.newConversation(door.url, "0");
  return { person, counted, asked: await person.newConversation(door.url, "Asked") };
}

/** Raises a title by one again and again, and begins conversations. What fails is done again. */
async function write({ person, counted }: Writer, goesOn: () => boolean): Promise<number> {
  let number = 0;
  for (let round = 0; goesOn(); round++) {
    const isDone = await person.rename(door.url, counted, String(number + 1)).then(
      () => true,
      () => false,
    );
    if (isDone) number++;
    if (round % 10 === 0) await person.newConversation(door.url, "Another").catch(() => {});
    await Bun.sleep(1000 / Number(values.renames));
  }
  return number;
}

/** Ends the answer of one of them; that of the lost server ends when the others notice. */
function endAnswer({ person, asked }: Writer): Promise<string> {
  return again(async () => {
    await person.stopAnswer(door.url, asked);
    const [answer] = await person.messages(door.url, asked);
    if (answer?.status === "running") throw new Error("an answer that goes on");
    return answer?.status ?? "none";
  });
}

function truthOf({ person, asked }: Writer): Promise<Truth> {
  return again(async () => ({
    list: JSON.stringify(await person.conversations(door.url)),
    messages: await person.messages(door.url, asked),
  }));
}

/** A server may have too much to do for a moment. */
async function again<T>(act: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + 60_000;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await Bun.sleep(500);
    }
  }
}

function startTabs(index: number, people: Writer[]) {
  const setup: Setup = {
    door: doors[index % doors.length]?.url ?? "",
    people: people.map(({ person, counted, asked }) => ({ cookie: person.cookie, counted, asked })),
    tabs: Math.floor((sockets + index) / tabProcesses),
    readers: Math.ceil(Number(values.readers) / tabProcesses),
  };
  const waiting = new Map<string, (reply: Reply) => void>();
  const reply = <Type extends Reply["type"]>(type: Type) =>
    within(
      180_000,
      `tabs to be ${type}`,
      new Promise<Extract<Reply, { type: Type }>>((resolve) => {
        waiting.set(type, (reply) => resolve(reply as Extract<Reply, { type: Type }>));
      }),
    );
  const child = fork(
    join(import.meta.dirname, "tabs.ts"),
    [JSON.stringify(setup)],
    (message: Reply) => waiting.get(message.type)?.(message),
  );
  return { ...child, reply };
}

function order<Type extends Reply["type"]>(
  processes: ReturnType<typeof startTabs>[],
  given: Order,
  type: Type,
): Promise<Extract<Reply, { type: Type }>[]> {
  return Promise.all(
    processes.map((each) => {
      const replied = each.reply(type);
      each.send(given);
      return replied;
    }),
  );
}

async function bytesOf(processes: { residentBytes(): Promise<number> }[]): Promise<number> {
  return sum(await Promise.all(processes.map((each) => each.residentBytes())));
}

function spread(ms: number[]): string {
  const at = (fraction: number) => (percentile(ms, fraction) / 1000).toFixed(2);
  return `half after ${at(0.5)} s, the last after ${at(1)} s`;
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
