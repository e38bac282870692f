import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../database.ts";
import { migrateDatabase } from "../migrate.ts";
import { isAlive, query, until, useEmbedded } from "../testing/use-embedded.ts";

const fixture = useEmbedded();
const timeout = 60_000;

test(
  "a second start on the directory is refused, here and in another process, naming the first",
  async () => {
    const { child, told } = await fixture.runElsewhere();
    const refused = await fixture.start().catch((error) => error);
    expect(refused).toMatchObject({ code: "directory_in_use" });
    expect(refused.message).toContain(`process ${child.pid}:`);
    expect((await fixture.runElsewhere()).told.error?.code).toBe("directory_in_use");
    expect(await query(told.url, "select 1 as one")).toEqual([{ one: 1 }]);
    child.stdin.end();
    expect(await child.exited).toBe(0);

    const mine = await fixture.start();
    expect((await fixture.start().catch((error) => error)).message).toContain(
      `process ${process.pid}:`,
    );
    await mine.stop();
  },
  timeout,
);

test(
  "of several first starts at once, one makes the database and the others are refused",
  async () => {
    const results = await Promise.all([
      fixture.runElsewhere(),
      fixture.runElsewhere(),
      fixture.runElsewhere(),
    ]);
    const winners = results.filter(({ told }) => !told.error);
    expect(winners).toHaveLength(1);
    for (const { child, told } of results) {
      if (told.error) expect(told.error.code).toBe("directory_in_use");
      child.stdin.end();
      await child.exited;
    }
  },
  timeout,
);

test(
  "a Postgres whose owner was killed is ended by the next start, and nothing committed is lost",
  async () => {
    const { child, told } = await fixture.runElsewhere();
    await query(told.url, "create table kept as select 42 as n");
    child.kill("SIGKILL");
    await child.exited;
    expect(isAlive(told.pid)).toBe(true);

    const postgres = await fixture.start();
    expect(isAlive(told.pid)).toBe(false);
    expect(fixture.messages.join()).toContain(`(pid ${told.pid})`);
    expect(await query(postgres.url, "select n from kept")).toEqual([{ n: 42 }]);
    await postgres.stop();
  },
  timeout,
);

test(
  "owner and Postgres killed together: the next start recovers",
  async () => {
    const { child, told } = await fixture.runElsewhere();
    await query(told.url, "create table kept as select 42 as n");
    child.kill("SIGKILL");
    process.kill(told.pid, "SIGKILL");
    await child.exited;
    const postgres = await fixture.start();
    expect(await query(postgres.url, "select n from kept")).toEqual([{ n: 42 }]);
    await postgres.stop();
  },
  timeout,
);

test(
  "a pid file whose number belongs to another process by now does not stop the start",
  async () => {
    const first = await fixture.start();
    await first.stop();
    // Of the same user, as the one that Postgres would believe to be itself.
    const { uid, gid } = statSync(fixture.directory);
    const other = Bun.spawn(["sleep", "60"], process.getuid?.() === 0 ? { uid, gid } : {});
    try {
      const pidFile = join(fixture.directory, "data/postmaster.pid");
      writeFileSync(
        pidFile,
        `${other.pid}\n${fixture.directory}/data\n1700000000\n5432\n\n\n\nready\n`,
      );
      const second = await fixture.start();
      expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
      await second.stop();
      expect(isAlive(other.pid)).toBe(true);
    } finally {
      other.kill("SIGKILL");
      await other.exited;
    }
  },
  timeout,
);

test(
  "a first start that was cut off begins again",
  async () => {
    mkdirSync(join(fixture.directory, "data.part/base"), { recursive: true });
    writeFileSync(join(fixture.directory, "data.part/PG_VERSION"), "18\n");
    const postgres = await fixture.start();
    expect(await query(postgres.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(existsSync(join(fixture.directory, "data.part"))).toBe(false);
    await postgres.stop();
  },
  timeout,
);

test(
  "a Postgres that dies is started again, and the pool finds it by itself",
  async () => {
    const postgres = await fixture.start();
    await migrateDatabase(postgres.url);
    const database = openDatabase({ url: postgres.url, poolSize: 5 });
    await database.ping();
    for (const signal of ["SIGKILL", "SIGINT"] as const) {
      const killed = Number(postgres.pid);
      process.kill(killed, signal);
      await until(fixture, `a new Postgres after ${signal}`, async () => {
        if (postgres.pid === killed) return false;
        return database.ping().then(
          () => true,
          () => false,
        );
      });
      await until(
        fixture,
        "the log to tell",
        () => fixture.messages.at(-1) === `Postgres is back (pid ${postgres.pid})`,
      );
    }
    await database.close();
    await postgres.stop();
    expect(postgres.pid).toBeUndefined();
  },
  timeout,
);

test(
  "stopping in the middle of a restart leaves none behind",
  async () => {
    const postgres = await fixture.start();
    const killed = Number(postgres.pid);
    process.kill(killed, "SIGKILL");
    await until(fixture, "its end", () => postgres.pid !== killed);
    await postgres.stop();
    expect(postgres.pid).toBeUndefined();
    const again = await fixture.start();
    await again.stop();
  },
  timeout,
);

test.if(process.platform === "linux")(
  "Ctrl-C in the terminal does not reach Postgres",
  async () => {
    const { child, told } = await fixture.runElsewhere();
    const group = Number(
      readFileSync(`/proc/${told.pid}/stat`, "utf8").split(") ")[1]?.split(" ")[2],
    );
    expect(group).toBe(told.pid);
    child.stdin.end();
    await child.exited;
    expect(isAlive(told.pid)).toBe(false);
  },
  timeout,
);
