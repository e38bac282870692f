import { expect, test } from "bun:test";
import { chmodSync, lstatSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { query, useEmbedded } from "../testing/use-embedded.ts";

const fixture = useEmbedded();
const timeout = 60_000;

const isRoot = process.getuid?.() === 0;

function ownerOf(path: string): { uid: number; gid: number } {
  const { uid, gid } = statSync(path);
  return { uid, gid };
}

test.if(isRoot)(
  "for root, Postgres runs as another user",
  async () => {
    const postgres = await fixture.start();
    const owner = ownerOf(`/proc/${postgres.pid}`);
    expect(owner.uid).not.toBe(0);
    expect(owner).toEqual(ownerOf(join(fixture.directory, "data")));
    await postgres.stop();
  },
  timeout,
);

test.if(isRoot)(
  "for root, below a home that nobody else may enter, the data go where Postgres can",
  async () => {
    chmodSync(fixture.root, 0o700);
    const outside = mkdtempSync(join(tmpdir(), "peregrine-outside-"));
    chmodSync(outside, 0o755);
    fixture.shared = join(outside, "shared");
    try {
      const first = await fixture.start();
      await query(first.url, "create table kept as select 42 as n");
      await first.stop();
      expect(lstatSync(fixture.directory).isSymbolicLink()).toBe(true);
      expect(fixture.messages.join()).toContain(`the database is in ${fixture.shared}/data-`);
      const second = await fixture.start();
      expect(await query(second.url, "select n from kept")).toEqual([{ n: 42 }]);
      await second.stop();
    } finally {
      rmSync(outside, { recursive: true });
    }
  },
  timeout,
);

test.if(isRoot)(
  "data that Postgres can no longer get to are not replaced by new ones",
  async () => {
    const first = await fixture.start();
    await first.stop();
    chmodSync(fixture.root, 0o700);
    const error = await fixture.start().catch((e) => e);
    expect(error.code).toBe("embedded_start");
    expect(error.message).toContain(`may not pass ${fixture.root}`);
  },
  timeout,
);

test.if(isRoot)(
  "runs as whoever starts it where that is not root, and goes on as that user for root",
  async () => {
    const nobody = { uid: 65_534, gid: 65_534 };
    chmodSync(fixture.root, 0o777);
    const { child, told } = await fixture.runElsewhere(nobody);
    expect(ownerOf(`/proc/${told.pid}`).uid).toBe(nobody.uid);
    child.stdin.end();
    await child.exited;

    const postgres = await fixture.start();
    expect(ownerOf(`/proc/${postgres.pid}`).uid).toBe(nobody.uid);
    await postgres.stop();
    const again = await fixture.runElsewhere(nobody);
    expect(again.told.error).toBeUndefined();
    again.child.stdin.end();
    await again.child.exited;
  },
  timeout,
);

test.if(isRoot)(
  "a directory of somebody else is refused with what to do",
  async () => {
    const postgres = await fixture.start();
    await postgres.stop();
    const { told } = await fixture.runElsewhere({ uid: 65_534, gid: 65_534 });
    expect(told.error?.code).toBe("embedded_start");
    expect(told.error?.message).toContain("start as that user or as root");
  },
  timeout,
);
