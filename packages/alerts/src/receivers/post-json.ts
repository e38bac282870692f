import { requirePublic } from "./reachable.ts";

export type PostOptions = { allowPrivate: boolean; headers?: Record<string, string> };

/** Sends JSON. Redirects are not followed: they could lead inside. */
export async function postJson(
  url: string,
  body: string,
  signal: AbortSignal,
  { allowPrivate, headers }: PostOptions,
): Promise<void> {
  if (!allowPrivate) await requirePublic(new URL(url));
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
    signal,
    redirect: "manual",
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status}`);
}
