import { expect, test } from "bun:test";
import { ask, newestAnswer, newPerson, signUp } from "./browser.ts";
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
  await page.waitForURL(address);
  expect(problems).toEqual([]);
  await page.context().close();
});
