import type { Probe } from "./health-checker.ts";

const maxBodyBytes = 64 * 1024;

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Asks a server over HTTP whether it is ready. Redirects are not followed, since they would ask
 * somebody else, and a body past 64 kB is cut off, since no answer of ours is that long.
 */
export function httpProbe(fetch: Fetch, path = "/ready"): Probe {
  return async (server, signal) => {
    const response = await fetch(server.url + path, {
      signal,
      redirect: "manual",
      headers: { accept: "application/json" },
    });
    return { status: response.status, body: await readStart(response) };
  };
}

async function readStart(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBodyBytes) break;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
