import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  PutBucketCorsCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { freePort } from "@peregrine/process/testing";

export type ObjectStore = {
  options: { bucket: string; region: string; endpoint: string; credentials: typeof user };
  /** The settings that name it. */
  environment: Record<string, string>;
  /** Uploads that were begun, of which parts may be kept, and neither finished nor removed. */
  openUploads(): Promise<number>;
  /** Lets pages of this origin put objects into the bucket (CORS). */
  allowOrigin(origin: string): Promise<void>;
  stop(): Promise<void>;
};

const user = { accessKeyId: "peregrine", secretAccessKey: "peregrine-secret" };
const bucket = "files";
const readyWithinMs = 60_000;

/**
 * A real S3 server for tests: Ceph's gateway with one monitor and one storage daemon, which keeps
 * everything in memory. Ready in about 12 s; listens on loopback alone, with ports of its own.
 */
export async function startObjectStore(): Promise<ObjectStore> {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-s3-"));
  const config = join(directory, "ceph.conf");
  const [monitorPort, gatewayPort] = [await freePort(), await freePort()];
  const cluster = randomUUID();
  for (const name of ["mon", "osd", "rgw"]) mkdirSync(join(directory, name));
  writeFileSync(config, cephConfig(directory, cluster, monitorPort, gatewayPort));

  const daemons: Bun.Subprocess[] = [];
  const atExit = () => {
    for (const daemon of daemons) daemon.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", atExit);

  const daemon = (program: string, ...args: string[]) => {
    const log = Bun.file(join(directory, `${program}.log`));
    const started = Bun.spawn([program, "-f", "-c", config, ...args], {
      stdin: "ignore",
      stdout: log,
      stderr: log,
    });
    daemons.push(started);
  };
  const stop = async () => {
    // In-memory stores have nothing to save.
    for (const started of daemons.reverse()) started.kill("SIGKILL");
    await Promise.all(daemons.map((started) => started.exited));
    process.off("exit", atExit);
    rmSync(directory, { recursive: true, force: true });
  };

  try {
    const map = join(directory, "monmap");
    const address = `[v2:127.0.0.1:${monitorPort}]`;
    await run("monmaptool", "--create", "--addv", "a", address, "--fsid", cluster, map);
    await run("ceph-mon", "--mkfs", "-i", "a", "-c", config, "--monmap", map);
    daemon("ceph-mon", "-i", "a");
    const storage = randomUUID();
    await run("ceph", "-c", config, "osd", "new", storage);
    await run("ceph-osd", "-i", "0", "-c", config, "--mkfs", "--osd-uuid", storage);
    daemon("ceph-osd", "-i", "0");
    await run(
      ...["radosgw-admin", "-c", config, "user", "create", "--uid", "test", "--display-name", "t"],
      ...["--access-key", user.accessKeyId, "--secret-key", user.secretAccessKey],
    );
    daemon("radosgw", "-n", "client.rgw");
    const options = {
      bucket,
      region: "us-east-1",
      endpoint: `http://127.0.0.1:${gatewayPort}`,
      credentials: user,
    };
    await untilAnswers(options.endpoint);
    const admin = new S3Client({ ...options, forcePathStyle: true });
    await admin.send(new CreateBucketCommand({ Bucket: bucket }));
    return {
      options,
      environment: {
        S3_BUCKET: bucket,
        S3_REGION: options.region,
        S3_ENDPOINT: options.endpoint,
        S3_ACCESS_KEY_ID: user.accessKeyId,
        S3_SECRET_ACCESS_KEY: user.secretAccessKey,
      },
      async openUploads() {
        const list = new ListMultipartUploadsCommand({ Bucket: bucket });
        return (await admin.send(list)).Uploads?.length ?? 0;
      },
      async allowOrigin(origin) {
        const rule = { AllowedOrigins: [origin], AllowedMethods: ["PUT"], AllowedHeaders: ["*"] };
        await admin.send(
          new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: { CORSRules: [rule] } }),
        );
      },
      async stop() {
        admin.destroy();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function run(...command: string[]): Promise<void> {
  const ran = Bun.spawn(command, {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: readyWithinMs,
  });
  const said = await new Response(ran.stderr).text();
  if ((await ran.exited) !== 0) throw new Error(`${command.join(" ")}: ${said.slice(-2000)}`);
}

async function untilAnswers(url: string): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  for (;;) {
    const isUp = await fetch(url).then(
      () => true,
      () => false,
    );
    if (isUp) return;
    if (Date.now() > deadline) throw new Error(`${url} did not answer within ${readyWithinMs} ms`);
    await Bun.sleep(100);
  }
}

function cephConfig(directory: string, cluster: string, monitor: number, gateway: number): string {
  return `[global]
fsid = ${cluster}
mon host = v2:127.0.0.1:${monitor}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
ms bind ipv6 = false
ms mon client mode = crc
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = ${directory}
admin socket =
log to file = false
log to stderr = true
mon data = ${directory}/mon
mon data avail crit = 1
mon allow pool size one = true
mon max pg per osd = 1000
osd data = ${directory}/osd
osd objectstore = memstore
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
memstore device bytes = 2147483648
rgw data = ${directory}/rgw
rgw frontends = beast endpoint=127.0.0.1:${gateway}
`;
}
