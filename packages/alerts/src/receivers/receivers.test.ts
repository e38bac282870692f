import { afterEach, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@peregrine/process/testing";
import { SMTPServer } from "smtp-server";
import type { AlertNote } from "../engine/alert-note.ts";
import { alertmanagerReceiver } from "./alertmanager.ts";
import { emailReceiver } from "./email.ts";
import { heartbeatReceiver } from "./heartbeat.ts";
import { webhookReceiver } from "./webhook.ts";

const note: AlertNote = {
  ruleId: "memory",
  title: "Memory is nearly full",
  advice: "See the recommendations.",
  severity: "critical",
  labels: { team: "core" },
  state: "firing",
  value: 0.9512,
  comparison: "above",
  threshold: 0.9,
  sinceMs: Date.UTC(2026, 0, 2),
};
const signal = () => AbortSignal.timeout(10_000);

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

/** Somebody who takes requests and answers with a status. */
async function listen(status = 200) {
  const requests: { body: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    requests.push({ body, headers: request.headers });
    response.writeHead(status, { location: "http://127.0.0.1:1/inside" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  releases.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, requests };
}

function webhook(url: string, options: Partial<Parameters<typeof webhookReceiver>[0]> = {}) {
  return webhookReceiver({
    url,
    format: "json",
    secret: undefined,
    allowPrivate: true,
    ...options,
  });
}

test("a webhook is signed over its time and body", async () => {
  const { url, requests } = await listen();
  await webhook(url, { secret: "s3cret" }).send([note], signal());
  const [{ body, headers } = { body: "", headers: {} }] = requests;
  expect(JSON.parse(body)).toMatchObject({
    version: 1,
    alerts: [{ ruleId: "memory", state: "firing", since: "2026-01-02T00:00:00.000Z" }],
  });
  const [, seconds, signature] =
    /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["x-peregrine-signature"])) ?? [];
  expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(10);
  const expected = createHmac("sha256", "s3cret").update(`${seconds}.${body}`).digest("hex");
  expect(signature).toBe(expected);
});

test("Slack and Teams get their own forms", async () => {
  const { url, requests } = await listen();
  await webhook(url, { format: "slack" }).send([note, { ...note, state: "resolved" }], signal());
  await webhook(url, { format: "teams" }).send([note], signal());
  expect(JSON.parse(requests[0]?.body ?? "")).toEqual({
    text: "critical: Memory is nearly full (0.951, above 0.9)\nresolved: Memory is nearly full",
  });
  expect(JSON.parse(requests[1]?.body ?? "").attachments[0].content).toMatchObject({
    type: "AdaptiveCard",
    body: [{ text: "critical: Memory is nearly full (0.951, above 0.9)" }],
  });
});

test.each([500, 404, 302])(
  "an answer of %d is a failure, and no redirect is followed",
  async (status) => {
    const { url } = await listen(status);
    await expect(webhook(url).send([note], signal())).rejects.toThrow(`answered ${status}`);
  },
);

test.each([
  "http://127.0.0.1:9/x",
  "http://localhost/x",
  "http://[::1]/x",
  "http://10.1.2.3/x",
  "http://169.254.169.254/latest/meta-data",
  "http://[::ffff:192.168.1.1]/x",
  "http://[fd00::1]/x",
  "http://0x7f.1/x",
])("%s is inside, and refused unless allowed", async (url) => {
  const receiver = webhook(url, { allowPrivate: false });
  await expect(receiver.send([note], signal())).rejects.toThrow("private address");
});

test("a real SMTP server gets the mail", async () => {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, _, done) {
      let text = "";
      stream.on("data", (piece) => {
        text += piece;
      });
      stream.on("end", () => {
        mails.push(text);
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  releases.push(() => new Promise<void>((resolve) => server.close(resolve)));
  const { port } = server.server.address() as AddressInfo;
  const receiver = emailReceiver({
    smtpUrl: `smtp://127.0.0.1:${port}`,
    from: "peregrine@example.org",
    to: ["ada@example.org", "grace@example.org"],
  });
  releases.push(() => receiver.close());
  await receiver.send([note, { ...note, title: "Another" }], signal());
  // A header that is too long goes on in the next line.
  const mail = (mails[0] ?? "").replace(/\r\n /g, " ");
  expect(mail).toContain("Subject: [Peregrine] critical: Memory is nearly full");
  expect(mail).toContain("and 1 more");
  expect(mail).toContain("To: ada@example.org, grace@example.org");
  expect(mail).toContain("See the recommendations.");
});

test("a mail server that is not there is an error, soon", async () => {
  const receiver = emailReceiver({ smtpUrl: "smtp://127.0.0.1:1", from: "a@b.c", to: ["d@e.f"] });
  releases.push(() => receiver.close());
  await expect(receiver.send([note], signal())).rejects.toThrow();
});

test("a heartbeat goes out while alerts are looked after, and only then", async () => {
  const { url, requests } = await listen();
  const receiver = heartbeatReceiver(url, true);
  await receiver.send([note], signal());
  expect(requests).toHaveLength(0);
  await receiver.send([{ ...note, ruleId: "heartbeat" }], signal());
  expect(JSON.parse(requests[0]?.body ?? "")).toMatchObject({ alert: "heartbeat" });
});

test("a real Alertmanager takes alerts, and their end", async () => {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-alertmanager-"));
  releases.push(() => rmSync(directory, { recursive: true, force: true }));
  const port = await freePort();
  const config = join(directory, "config.yml");
  writeFileSync(config, "route: { receiver: none }\nreceivers: [{ name: none }]\n");
  const child = spawn(
    "prometheus-alertmanager",
    [
      `--config.file=${config}`,
      `--storage.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address=",
    ],
    { stdio: "ignore" },
  );
  const ended = once(child, "exit");
  releases.push(async () => {
    child.kill();
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/-/ready`)).ok);
  const receiver = alertmanagerReceiver(url, true);
  const active = async () => {
    const response = await fetch(`${url}/api/v2/alerts?active=true`);
    return (await response.json()) as { labels: Record<string, string> }[];
  };
  await receiver.send([note], signal());
  await until(async () => (await active()).length === 1);
  expect((await active())[0]?.labels).toEqual({
    alertname: "memory",
    severity: "critical",
    team: "core",
    job: "peregrine",
  });
  await receiver.send([{ ...note, state: "resolved" }], signal());
  await until(async () => (await active()).length === 0);
}, 60_000);

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 30_000;
  while (!(await condition().catch(() => false))) {
    if (Date.now() > deadlineMs) throw new Error("waited 20 s");
    await sleep(20);
  }
}
