import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { ask, newestAnswer, newPerson, signUp } from "./browser.ts";
import { until } from "./until.ts";
import { useSystem } from "./use-system.ts";

const system = useSystem();

test("a person finds an old question as they type, by keyboard alone, and opens it", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  await ask(page, "How far do <b>albatrosses</b> fly? {{tokens=3}}");
  await page.getByRole("button", { name: "Regenerate answer" }).waitFor();
  expect(await newestAnswer(page)).toContain("word2");
  const address = page.url();

  await page.keyboard.press("Control+k");
  await page.keyboard.type("albatro");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Search" }).waitFor();
  expect(page.url()).toEndWith("/search?q=albatro");
  const mark = page.locator(".search-results mark").first();
  await mark.waitFor();
  expect(await mark.textContent()).toBe("albatrosses");
  expect(await page.locator(".search-snippet").first().textContent()).toContain(
    "<b>albatrosses</b>",
  );

  const field = page.getByLabel("Search messages, titles and files");
  await field.fill("albatroses");
  await page.getByText("Nothing found for “albatroses”. These are for").waitFor();
  await field.fill("albatrosses -fly");
  await page.getByText("Nothing found for “albatrosses -fly”.").waitFor();
  await field.fill("albatrosses");
  await mark.waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${address}?message=*`);
  await page.locator(".question[data-found]").getByText("albatrosses").waitFor();
  expect(problems).toEqual([]);
  await page.context().close();
});

/** A conversation with so many questions, asked by the API. @returns its address */
async function converse(page: Page, questions: string[], fileIds: string[] = []): Promise<string> {
  const created = await page.request.post(`${system.server.url}/api/v1/conversations`, {
    data: {},
  });
  const { conversation } = (await created.json()) as { conversation: { id: string } };
  for (const content of questions) {
    const path = `/api/v1/conversations/${conversation.id}/messages`;
    const answer = await page.request.post(system.server.url + path, {
      headers: { accept: "application/json" },
      data: { content: `${content} {{tokens=2}}`, fileIds },
    });
    expect(answer.status()).toBe(201);
  }
  return `${system.server.url}/c/${conversation.id}`;
}

test("a result opens its conversation at the message, from which one scrolls both ways", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  const questions = Array.from({ length: 90 }, (_, i) => `Question number ${i}.`);
  questions[20] = "Where do quokkas live?";
  const address = await converse(page, questions);

  const feed = page.getByRole("feed");
  const found = page.locator(".question[data-found]");
  const open = async () => {
    await page.goto(`${system.server.url}/search?q=quokkas`);
    await page.getByRole("link", { name: "Where do quokkas live?" }).click();
    await found.waitFor();
  };
  await open();
  expect(page.url()).toStartWith(`${address}?message=`);
  expect(await found.textContent()).toContain("Where do quokkas live?");
  const isInView = () =>
    found.evaluate((element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return top > 0 && bottom < window.innerHeight;
    });
  expect(await isInView()).toBe(true);
  expect(await feed.getByText("Question number 89.").count()).toBe(0);
  await page.reload();
  await found.waitFor();
  expect(await isInView()).toBe(true);

  // Down to the newest and up to the first, by the wheel.
  await feed.hover();
  for (const [deltaY, text] of [
    [600, "Question number 89."],
    [-600, "Question number 0."],
  ] as const) {
    await until(async () => {
      await page.mouse.wheel(0, deltaY);
      await page.evaluate(() => new Promise(requestAnimationFrame));
      return feed.getByText(text).isVisible();
    }, text);
  }

  await open();
  await page.getByRole("button", { name: "Jump to latest" }).click();
  await feed.getByText("Question number 89.").waitFor();
  await page.waitForURL(address);

  await open();
  await ask(page, "And what do they eat? {{tokens=2}}");
  await feed.getByText("And what do they eat?").waitFor();
  await feed.getByText("Question number 89.").waitFor();
  await page.getByRole("button", { name: "Regenerate answer" }).waitFor();
  expect(problems).toEqual([]);
  await page.context().close();
}, 90_000);

test("a file that is attached leads to its question", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  const file = { name: "fungi.txt", mimeType: "text/plain", buffer: Buffer.from("On mycelium.") };
  const uploaded = await page.request.post(`${system.server.url}/api/v1/files`, {
    multipart: { file },
  });
  const { file: kept } = (await uploaded.json()) as { file: { id: string } };
  await converse(page, ["What does it say?"], [kept.id]);
  await page.goto(`${system.server.url}/search?q=mycelium`);
  await page.getByRole("link", { name: "fungi.txt" }).click();
  await page.locator(".question[data-found]").getByText("What does it say?").waitFor();
  expect(problems).toEqual([]);
  await page.context().close();
});
