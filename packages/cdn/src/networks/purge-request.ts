import { CdnError, codeOfStatus } from "../errors.ts";

const timeoutMs = 10_000;
const maxAnswerLength = 500;

/**
 * Sends one request of a purge.
 *
 * @param name how errors call the network
 * @returns the body
 * @throws CdnError for no answer within 10 s, and for any that is not a 2xx
 */
export async function sendPurge(
  name: string,
  url: string,
  init: RequestInit,
  signal: AbortSignal | undefined,
): Promise<string> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const both = signal ? AbortSignal.any([signal, timeout]) : timeout;
  try {
    const response = await fetch(url, { ...init, signal: both, redirect: "manual" });
    const body = await response.text();
    if (response.ok) return body;
    throw new CdnError(
      codeOfStatus(response.status),
      `${name} answered a purge with ${response.status}: ${body.slice(0, maxAnswerLength)}`,
    );
  } catch (cause) {
    if (cause instanceof CdnError) throw cause;
    if (signal?.aborted) throw new CdnError("aborted", "the purge was ended", { cause });
    throw new CdnError("unavailable", `${name} cannot be reached: ${cause}`, { cause });
  }
}

/** Cuts a list into lists of at most `size`. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  const lists: T[][] = [];
  for (let i = 0; i < items.length; i += size) lists.push(items.slice(i, i + size));
  return lists;
}

/** The tags of a purge, each once. */
export function tagsOf(items: readonly { tag: string }[]): string[] {
  return [...new Set(items.map(({ tag }) => tag))];
}
