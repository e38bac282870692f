import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { ask, newestAnswer, newPerson, signUp } from "./browser.ts";
import { useSystem } from "./use-system.ts";

const system = useSystem({ MAX_UPLOAD_BYTES: "2000000" });

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

/** Files as the browser would hand them over, dropped on the page or pasted into the question. */
async function give(page: Page, how: "drop" | "paste", files: { name: string; bytes: Buffer }[]) {
  const data = await page.evaluateHandle(
    (given) => {
      const transfer = new DataTransfer();
      for (const { name, type, base64 } of given) {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type }));
      }
      return transfer;
    },
    files.map(({ name, bytes }) => ({
      name,
      type: name.endsWith(".png") ? "image/png" : "text/plain",
      base64: bytes.toString("base64"),
    })),
  );
  if (how === "drop") {
    const main = page.locator("#main");
    for (const type of ["dragenter", "dragover"]) {
      await main.dispatchEvent(type, { dataTransfer: data });
    }
    await page.locator("#main[data-drop]").waitFor();
    await main.dispatchEvent("drop", { dataTransfer: data });
    expect(await page.locator("#main[data-drop]").count()).toBe(0);
  } else {
    await page.evaluate((transfer) => {
      const event = new ClipboardEvent("paste", {
        clipboardData: transfer as DataTransfer,
        bubbles: true,
        cancelable: true,
      });
      document.querySelector("#composer")?.dispatchEvent(event);
    }, data);
  }
}

const attached = (page: Page) =>
  page.getByRole("form").or(page.locator(".composer")).getByRole("listitem");

test("files are dropped, pasted and chosen, sent, shown, and read by the model", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  await give(page, "drop", [{ name: "falcon.png", bytes: png }]);
  await give(page, "paste", [{ name: "notes.md", bytes: Buffer.from("Falcons dive.") }]);
  await page.setInputFiles('input[type="file"]', {
    name: "table.csv",
    mimeType: "text/csv",
    buffer: Buffer.from("a,b\n1,2\n"),
  });
  await page.locator('.attachment[data-state="ready"]').nth(2).waitFor();
  expect(await attached(page).count()).toBe(3);
  await page.getByRole("button", { name: "Remove table.csv" }).click();
  expect(await attached(page).count()).toBe(2);

  await ask(page, "What is this?");
  await page.getByRole("button", { name: "Regenerate answer" }).waitFor();
  expect(await newestAnswer(page)).toContain("word0");
  expect(await attached(page).count()).toBe(0);
  const question = system.models.requests
    .map(({ body }) => body.messages as { role: string; content: string }[])
    .find(([first]) => first?.role === "user")?.[0]?.content;
  expect(question).toContain('[Attached file "falcon.png": image/png');
  expect(question).toContain('[Attached file "notes.md"]\nFalcons dive.');
  expect(question).not.toContain("table.csv");

  await page.reload();
  const picture = page.getByRole("img", { name: "falcon.png" });
  await picture.waitFor();
  await page.waitForFunction(() => {
    const image = document.querySelector<HTMLImageElement>(".file-picture img");
    return image?.complete && image.naturalWidth === 1;
  });
  const link = page.getByRole("link", { name: /notes\.md/ });
  const content = await page.request.get(system.server.url + (await link.getAttribute("href")));
  expect(await content.text()).toBe("Falcons dive.");
  expect(problems).toEqual([]);
  await page.context().close();
});

test("a file that the server refuses says why, and holds the question until it is removed", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  await page.getByLabel("Message", { exact: true }).fill("And this?");
  await page.setInputFiles('input[type="file"]', {
    name: "large.bin",
    mimeType: "application/octet-stream",
    buffer: Buffer.alloc(2_200_000),
  });
  await page.getByText("The file is larger than 2,000,000 bytes.").waitFor();
  const send = page.getByRole("button", { name: "Send message" });
  expect(await send.isDisabled()).toBe(true);
  await page.getByRole("button", { name: "Remove large.bin" }).click();
  expect(await send.isDisabled()).toBe(false);
  expect(problems).toEqual([]);
  await page.context().close();
});

test("an uploaded page runs nothing on our origin", async () => {
  const { page } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  const evil =
    "<!doctype html><script>document.title='run'</script><svg onload=\"document.title='run'\">";
  const outcome = await page.evaluate(async (html) => {
    const form = new FormData();
    form.append("file", new File([html], "page.txt"));
    const response = await fetch("/api/v1/files", { method: "POST", body: form });
    const { file } = await response.json();
    const frame = document.createElement("iframe");
    const loaded = new Promise((resolve) => {
      frame.onload = resolve;
      setTimeout(resolve, 1000);
    });
    frame.src = `/api/v1/files/${file.id}/content`;
    document.body.append(frame);
    await loaded;
    let title = "blocked";
    try {
      title = frame.contentDocument?.title ?? "blocked";
    } catch {}
    return { title, type: file.mediaType };
  }, evil);
  expect(outcome).toEqual({ title: expect.not.stringContaining("run"), type: "text/html" });
  await page.context().close();
});
