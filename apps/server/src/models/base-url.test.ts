import { expect, test } from "bun:test";
import { modelServerAddress } from "./base-url.ts";

test.each([
  ["http://127.0.0.1:11434", "http://127.0.0.1:11434/v1/chat/completions"],
  ["http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1/chat/completions"],
  ["http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1/chat/completions"],
  ["http://127.0.0.1:11434/v1//", "http://127.0.0.1:11434/v1/chat/completions"],
  ["https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions"],
  ["https://host/v1beta/openai/", "https://host/v1beta/openai/chat/completions"],
  ["https://host/v1/chat/completions", "https://host/v1/chat/completions"],
  ["https://host/gpt?api-version=2", "https://host/gpt/chat/completions?api-version=2"],
])("%s is asked at %s", (base, chatUrl) => {
  expect(modelServerAddress(base).chatUrl).toBe(chatUrl);
  expect(modelServerAddress(base).modelsUrl).toBe(chatUrl.replace("chat/completions", "models"));
});

test("a name and password are sent, not shown", () => {
  const address = modelServerAddress("http://me:p%40ss@host:8000/v1");
  expect(address.chatUrl).toBe("http://host:8000/v1/chat/completions");
  expect(address.host).toBe("host:8000");
  expect(address.authorization).toBe(`Basic ${btoa("me:p@ss")}`);
});

test("an API key goes before a name and password", () => {
  expect(modelServerAddress("http://me:pass@host", "key").authorization).toBe("Bearer key");
});
