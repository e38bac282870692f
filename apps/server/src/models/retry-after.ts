const maxMs = 24 * 60 * 60 * 1000;

/**
 * How long a server asks us to wait, in ms: `Retry-After` in seconds or as a date (RFC 9110, 10.2.3),
 * or the finer `retry-after-ms` that some model servers send. At most a day.
 *
 * @returns undefined where neither header says anything that can be read
 */
export function retryAfterMs(headers: Headers, nowMs = Date.now()): number | undefined {
  const fine = number(headers.get("retry-after-ms"));
  if (fine !== undefined) return bounded(fine);
  const value = headers.get("retry-after");
  const seconds = number(value);
  if (seconds !== undefined) return bounded(seconds * 1000);
  const date = Date.parse(value ?? "");
  return Number.isNaN(date) ? undefined : bounded(date - nowMs);
}

/** When to try again: "in 12 seconds". */
export function inWords(ms: number | undefined): string {
  if (ms === undefined) return "later";
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds === 1) return "in a second";
  return seconds < 120 ? `in ${seconds} seconds` : `in ${Math.ceil(seconds / 60)} minutes`;
}

function number(value: string | null): number | undefined {
  return value !== null && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}

function bounded(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0), maxMs);
}
