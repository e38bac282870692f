import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { ask, newPerson, signUp } from "./browser.ts";
import { useSystem } from "./use-system.ts";

/** All pages by the rules of axe, which Lighthouse's accessibility score stands on, and by more of them. */
const system = useSystem();
let adminEmail: string | undefined;
const axe = await Bun.file(fileURLToPath(import.meta.resolve("axe-core/axe.min.js"))).text();

/** What axe finds wrong: the rule, and where. */
async function violations(page: Page): Promise<string[]> {
  // Half faded in, a text has half its contrast.
  await page.evaluate(() =>
    Promise.allSettled(document.getAnimations().map((animation) => animation.finished)),
  );
  // Run by the debugger: the page's policy would not let it in.
  await page.evaluate(axe);
  const results = (await page.evaluate("axe.run()")) as AxeResults;
  expect(results.passes.length).toBeGreaterThan(5);
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`),
  );
}

test.each(["light", "dark"] as const)(
  "all pages are accessible, in the %s theme",
  async (theme) => {
    const { page, problems } = await newPerson(system.browser);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await page.goto(`${system.server.url}/login`);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    expect(await violations(page)).toEqual([]);

    const email = await signUp(page, system.server.url);
    adminEmail ??= email;
    expect(await violations(page)).toEqual([]);

    await page.setInputFiles('input[type="file"]', {
      name: "notes.md",
      mimeType: "text/markdown",
      buffer: Buffer.from("Falcons dive."),
    });
    await page.locator('.attachment[data-state="ready"]').waitFor();
    expect(await violations(page)).toEqual([]);
    const markdown =
      "# Falcons\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n```js\nconst a = 1; // one\n```\n\n- [x](https://example.org)";
    system.models.next({ text: markdown });
    await ask(page, "How do falcons dive?");
    await page.getByRole("button", { name: "Regenerate answer" }).waitFor();
    await page.getByRole("heading", { name: "Falcons", exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);

    await page.getByRole("button", { name: "Share notes.md" }).click();
    await page.getByRole("button", { name: "Make public" }).click();
    await page.getByRole("button", { name: "Copy address" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Done" }).click();

    for (const path of ["/search?q=falcons", "/settings", "/nowhere"]) {
      await page.goto(system.server.url + path);
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      expect([path, await violations(page)]).toEqual([path, []]);
    }
    expect(problems).toEqual([]);
    await page.context().close();
  },
);

test.each(["light", "dark"] as const)(
  "the performance page is accessible on a phone and a desk, with all of it open, in the %s theme",
  async (theme) => {
    const { page, problems } = await newPerson(system.browser);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    // Who came first is the administrator.
    await page.goto(`${system.server.url}/login`);
    await page.getByLabel("Email").fill(adminEmail ?? "");
    await page.getByLabel("Password").fill("a good password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel("Message", { exact: true }).waitFor();
    await page.goto(`${system.server.url}/performance`);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("heading", { name: "Models", exact: true }).waitFor();
    await page.getByRole("img", { name: /^Response time: / }).waitFor();
    await page.getByRole("switch", { name: "beside the day before" }).check();
    for (const width of [1200, 390]) {
      await page.setViewportSize({ width, height: 800 });
      expect([width, await violations(page)]).toEqual([width, []]);
    }
    await page.locator("details").evaluateAll((all) => {
      for (const details of all as HTMLDetailsElement[]) details.open = true;
    });
    await page.getByRole("rowheader", { name: "Cache reads" }).waitFor();
    await page.getByRole("button", { name: "Change Responses are slow" }).waitFor();
    expect(await violations(page)).toEqual([]);

    const dialog = page.getByRole("dialog");
    for (const opener of ["Clear all", "Optimise now", "New rule"]) {
      await page.getByRole("button", { name: opener }).click();
      await dialog.waitFor();
      expect([opener, await violations(page)]).toEqual([opener, []]);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    }
    expect(problems).toEqual([]);
    await page.context().close();
  },
);
