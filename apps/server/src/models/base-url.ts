/** Where a model server is, and how we sign in to it. */
export type ModelServerAddress = {
  chatUrl: string;
  modelsUrl: string;
  /** For logs: host and port, without a path or a password. */
  host: string;
  authorization: string | undefined;
};

/**
 * Reads the base URL of an OpenAI-compatible server:
 *
 * - without a path, `/v1` is added: `http://127.0.0.1:11434` means `http://127.0.0.1:11434/v1`;
 * - any path is taken as it is, since not all of them end in a version
 *   (`https://openrouter.ai/api/v1`, `https://generativelanguage.googleapis.com/v1beta/openai`);
 * - slashes at the end, and `/chat/completions` itself, are taken off;
 * - a query stays (`?api-version=…`);
 * - a name and password in it become basic authentication, unless there is an API key.
 */
export function modelServerAddress(baseUrl: string, apiKey?: string): ModelServerAddress {
  const url = new URL(baseUrl);
  const path = url.pathname.replace(/\/+$/, "").replace(/\/chat\/completions$/, "");
  const base = `${url.origin}${path === "" ? "/v1" : path}`;
  return {
    chatUrl: `${base}/chat/completions${url.search}`,
    modelsUrl: `${base}/models${url.search}`,
    host: url.host,
    authorization: apiKey ? `Bearer ${apiKey}` : basic(url),
  };
}

function basic({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}
