import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { ask, newPerson, signUp } from "./browser.ts";
import { useSystem } from "./use-system.ts";

/** The pages people chat on by the rules of axe, which Lighthouse's accessibility score stands on, and by more of them. */
const system = useSystem();
const axe = await Bun.file(fileURLToPath(import.meta.resolve("axe-core/axe.min.js"))).text();

/** What axe finds wrong: the rule, and where. */
async function violations(page: Page): Promise<string[]> {
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

    await signUp(page, system.server.url);
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
