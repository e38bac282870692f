import { expect, test } from "bun:test";
import { ask, newestAnswer, newPerson, signUp, watch } from "./browser.ts";
import { startServerProcess } from "./server-process.ts";
import { until } from "./until.ts";
import { useSystem } from "./use-system.ts";

const system = useSystem();

/** The words that the model server says where nothing else is asked of it. */
const whole = (tokens: number) => Array.from({ length: tokens }, (_, i) => `word${i}`).join(" ");

test("a person signs up, asks, sees the answer stream, and finds it again in a new tab", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  await ask(page, "Count {{tokens=40 rate=40}}");
  await until(async () => (await newestAnswer(page)).includes("word3"), "the first words");
  expect(await newestAnswer(page)).not.toContain("word39");
  await until(async () => (await newestAnswer(page)).includes("word39"), "the last word");
  await page.getByRole("button", { name: "Regenerate answer" }).waitFor();
  const address = page.url();
  expect(address).toContain("/c/");

  const tab = await page.context().newPage();
  watch(tab, problems);
  await page.close();
  await tab.goto(system.server.url);
  await tab.getByRole("navigation", { name: "Conversations" }).getByRole("link").nth(1).waitFor();
  await tab.goto(address);
  await until(async () => (await newestAnswer(tab)).includes(whole(40)), "the whole answer");
  expect(problems).toEqual([]);
  await tab.context().close();
});

test("a reload in the middle of an answer goes on with it", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  await ask(page, "Count {{tokens=100 rate=40}}");
  await until(async () => (await newestAnswer(page)).includes("word5"), "the first words");
  await page.reload();
  await until(async () => (await newestAnswer(page)).includes("word10"), "what came before");
  expect(await newestAnswer(page)).not.toContain("word99");
  await until(async () => (await newestAnswer(page)).includes(whole(100)), "the whole answer");
  expect(problems).toEqual([]);
  await page.context().close();
});

test("two tabs show the same answer as it is written", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  await ask(page, "Hello {{tokens=3}}");
  await until(async () => (await newestAnswer(page)).includes("word2"), "an answer");
  const other = await page.context().newPage();
  watch(other, problems);
  await other.goto(page.url());
  await until(async () => (await newestAnswer(other)).includes("word2"), "the same answer");
  await ask(page, "Count {{tokens=80 rate=40}}");
  await until(async () => (await newestAnswer(other)).includes("word9"), "words in the other tab");
  expect(await newestAnswer(other)).not.toContain("word79");
  await until(async () => (await newestAnswer(other)).includes(whole(80)), "all in the other tab");
  await until(async () => (await newestAnswer(page)).includes(whole(80)), "all in the first tab");
  expect(problems).toEqual([]);
  await page.context().close();
});

test("stop keeps what came", async () => {
  const { page } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  await ask(page, "Count {{tokens=500 rate=40}}");
  await until(async () => (await newestAnswer(page)).includes("word3"), "the first words");
  await page.getByRole("button", { name: "Stop answer" }).click();
  await page.getByRole("button", { name: "Regenerate answer" }).waitFor();
  const kept = await newestAnswer(page);
  expect(kept).toContain("word3");
  expect(kept).not.toContain("word499");
  await page.reload();
  await until(async () => (await newestAnswer(page)).includes("word3"), "what was kept");
  await page.context().close();
});

test("a server killed in mid-answer comes back, and the answer can be made again", async () => {
  const { page } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  await ask(page, "Count {{tokens=60 rate=20}}");
  await until(async () => (await newestAnswer(page)).includes("word5"), "the first words");
  await system.server.kill();
  await system.server.start();
  const regenerate = page.getByRole("button", { name: /regenerate/i });
  await regenerate.waitFor({ timeout: 30_000 });
  await regenerate.click();
  await until(async () => (await newestAnswer(page)).includes(whole(60)), "a whole answer");
  await page.reload();
  await until(async () => (await newestAnswer(page)).includes(whole(60)), "the saved answer");
  await page.context().close();
});

test("what a model says is never HTML", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  const attack =
    "<img src=x onerror=window.hacked=1> <script>window.hacked=1</script> [x](javascript:window.hacked=1) <svg/onload=window.hacked=1>";
  system.models.next({ text: attack });
  await ask(page, "<b>hello</b> <img src=x onerror=window.hacked=1>");
  await until(async () => (await newestAnswer(page)).includes("<script>"), "the text as text");
  await page.getByRole("button", { name: "Regenerate answer" }).waitFor();
  expect(await page.evaluate("window.hacked")).toBeUndefined();
  expect(await page.locator(".message img, .message script, .message svg[onload]").count()).toBe(0);
  expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
  expect(problems).toEqual([]);
  await page.context().close();
});

test("SIGTERM ends the server in order, with exit code 0", async () => {
  expect(await system.server.stop()).toBe(0);
  await system.server.start();
});

test("with no model server the demonstration answers, and says what it is", async () => {
  const demonstration = await startServerProcess();
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, demonstration.url);
  await ask(page, "What are you?");
  await until(
    async () => (await newestAnswer(page)).includes("not a language model"),
    "what it is",
  );
  expect(problems).toEqual([]);
  await page.context().close();
  await demonstration.remove();
});
