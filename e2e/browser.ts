import { type Browser, chromium, type Page } from "playwright-core";

/** Debian's Chromium; playwright's own would have to be downloaded. */
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args });
}

/** A new person's first page: a browser profile of its own, with what goes wrong in it. */
export async function newPerson(browser: Browser): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
  const page = await context.newPage();
  const problems: string[] = [];
  watch(page, problems);
  return { page, problems };
}

/** Collects scripts that fail, and what the page's policy refuses. */
export function watch(page: Page, problems: string[]): void {
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) problems.push(message.text());
  });
}

let people = 0;

/** Makes an account by the page, and ends in an empty conversation. @returns its email */
export async function signUp(page: Page, url: string): Promise<string> {
  const email = `ada-${++people}@example.org`;
  await page.goto(`${url}/register`);
  await page.getByLabel("Name").fill("Ada Lovelace");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill("a good password");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByLabel("Message", { exact: true }).waitFor();
  return email;
}

export async function ask(page: Page, question: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(question);
  await page.keyboard.press("Enter");
}

/** The text of the newest answer in view. */
export async function newestAnswer(page: Page): Promise<string> {
  const answers = page.getByRole("article", { name: /^Peregrine/i });
  return (await answers.count()) === 0 ? "" : ((await answers.last().textContent()) ?? "");
}
