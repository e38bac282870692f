import { expect, test } from "bun:test";
import type { ConversationBody } from "@peregrine/protocol";
import type { Page } from "playwright-core";
import { ask, newPerson, signUp } from "./browser.ts";
import { useSystem } from "./use-system.ts";

/** What a browser asks for when somebody opens the application, and when they open it again. */
const system = useSystem();

type Visit = { path: string; status: number }[];

/** Notes what goes over the network and how it is answered; what caches answer does not. */
async function watchNetwork(page: Page): Promise<() => Visit> {
  const session = await page.context().newCDPSession(page);
  const paths = new Map<string, string>();
  const answered: { requestId: string; status: number }[] = [];
  session.on("Network.requestWillBeSent", ({ requestId, request }) => {
    paths.set(requestId, new URL(request.url).pathname);
  });
  session.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => {
    answered.push({ requestId, status: statusCode });
  });
  await session.send("Network.enable");
  // The two may come in either order.
  return () =>
    answered
      .splice(0)
      .map(({ requestId, status }) => ({ path: paths.get(requestId) ?? "", status }));
}

async function open(page: Page, path: string, shown: () => Promise<unknown>): Promise<void> {
  await page.goto(system.server.url + path);
  await shown();
  await page.waitForLoadState("networkidle");
}

test("a second visit to the sign-in page sends for nothing but whether page and session are as they were", async () => {
  const { page } = await newPerson(system.browser);
  const shown = () => page.getByRole("button", { name: "Sign in" }).waitFor();
  const took = await watchNetwork(page);
  await open(page, "/login", shown);
  const first = took();
  expect(first.filter(({ path }) => path.startsWith("/assets/")).length).toBeGreaterThan(2);
  for (const { path, status } of first) {
    expect([path, status]).toEqual([path, path === "/api/v1/me" ? 401 : 200]);
  }
  await open(page, "/login", shown);
  const second = took();
  expect(second.find(({ path }) => path === "/login")).toEqual({ path: "/login", status: 304 });
  expect(second.filter(({ path }) => path !== "/login" && !path.startsWith("/api/"))).toEqual([]);
  await page.context().close();
});

test("a second visit to a conversation revalidates the page and what it shows, and loads nothing", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  // With a title of its own: one that the model finds comes when there is time for it.
  const conversations = `${system.server.url}/api/v1/conversations`;
  const made = await page.request.post(conversations, { data: { title: "Falcons" } });
  const path = `/c/${((await made.json()) as ConversationBody).conversation.id}`;
  await page.goto(system.server.url + path);
  await ask(page, "How do falcons dive? {{tokens=30}}");
  await page.getByRole("button", { name: "Regenerate answer" }).waitFor();
  const shown = () => page.getByText("word29").first().waitFor();
  await open(page, path, shown);
  const took = await watchNetwork(page);
  await open(page, path, shown);
  const visit = took();
  const others = visit.filter(({ path: asked }) => asked !== path && !asked.startsWith("/api/"));
  expect(others).toEqual([]);
  const reads = visit.filter(({ path: asked }) => asked !== "/api/v1/socket");
  expect(reads).toContainEqual({ path, status: 304 });
  expect(reads).toContainEqual({ path: "/api/v1/me", status: 304 });
  expect(reads.length).toBeGreaterThan(3);
  expect(reads.filter(({ status }) => status !== 304)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});
