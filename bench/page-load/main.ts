import { launchBrowser, newPerson, signUp } from "@peregrine/e2e/browser";
import { printMachine } from "../support/machine.ts";
import { startModelServer, startServer } from "../support/processes.ts";

/**
 * What goes over the network when somebody opens the application: for the first time, with nothing
 * in the browser, and again. Bytes are those of the wire, headers included, as Chromium counts them.
 */
const pages = ["sign-in page", "new conversation", "conversation of 24 messages"] as const;

printMachine("npm run bench -- page-load");
const models = await startModelServer();
const server = await startServer({
  MODEL_SERVERS: models.url,
  METRICS_PORT: "0",
  LOG_LEVEL: "info",
});
const browser = await launchBrowser();

// Somebody with a conversation, whose session every cold browser below has.
const { page: first } = await newPerson(browser);
await signUp(first, server.url);
const conversation = await first.evaluate(async () => {
  const post = async (path: string, body: object) => {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    return (await fetch(`/api/v1/conversations${path}`, init)).json();
  };
  const { id } = (await post("", { title: "Falcons" })).conversation;
  for (let i = 0; i < 12; i++) {
    await post(`/${id}/messages`, { content: `How do falcons dive, part ${i}? {{tokens=150}}` });
  }
  return id as string;
});
const session = await first.context().storageState();
await first.context().close();

const rows: string[] = [];
for (const name of pages) {
  const path = { [pages[0]]: "/login", [pages[1]]: "/", [pages[2]]: `/c/${conversation}` }[name];
  const isSignedIn = name !== pages[0];
  const context = await browser.newContext(isSignedIn ? { storageState: session } : {});
  const cold = await load(context, path ?? "/");
  const warm = await load(context, path ?? "/");
  await context.close();
  rows.push(
    `| ${name} | ${cold.requests} | ${kilobytes(cold.bytes)} | ${kilobytes(cold.assetBytes)} | ${warm.requests} | ${kilobytes(warm.bytes)} | ${kilobytes(warm.assetBytes)} |`,
  );
}
console.log(`| page | cold: requests | bytes | of them assets | warm: requests | bytes | of them assets |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}`);
await browser.close();
await server.stop();
await models.stop();
process.exit(0);

type Browser = Awaited<ReturnType<typeof launchBrowser>>;
type Context = Awaited<ReturnType<Browser["newContext"]>>;

async function load(context: Context, path: string) {
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  const paths = new Map<string, string>();
  const received = new Map<string, number>();
  const add = (id: string, bytes: number) => received.set(id, (received.get(id) ?? 0) + bytes);
  devtools.on("Network.requestWillBeSent", ({ requestId, request }) => {
    paths.set(requestId, new URL(request.url).pathname);
  });
  // Only what went over the network has these; a 304 is the length of its headers.
  devtools.on("Network.responseReceivedExtraInfo", ({ requestId }) => add(requestId, 0));
  devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (received.has(requestId)) add(requestId, encodedDataLength);
  });
  await devtools.send("Network.enable");
  await page.goto(server.url + path, { waitUntil: "networkidle" });
  await page.close();
  let [bytes, assetBytes] = [0, 0];
  for (const [id, length] of received) {
    bytes += length;
    if (paths.get(id)?.startsWith("/assets/")) assetBytes += length;
  }
  return { requests: received.size, bytes, assetBytes };
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
