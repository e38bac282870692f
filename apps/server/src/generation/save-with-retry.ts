import { DatabaseError } from "@peregrine/database";

const firstDelayMs = 100;
const maxDelayMs = 5_000;
const giveUpAfterMs = 120_000;

/**
 * Does a write that must not be lost to a passing fault of the database: tries again, with growing
 * pauses, for two minutes. Only for a write that may be done twice.
 *
 * @throws the last error, or at once one that another try cannot mend
 */
export async function saveWithRetry<T>(
  save: () => Promise<T>,
  onRetry: (error: unknown) => void,
  sleep: (ms: number) => Promise<void> = Bun.sleep,
): Promise<T> {
  let waitedMs = 0;
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, maxDelayMs)) {
    try {
      return await save();
    } catch (error) {
      const canRetry = error instanceof DatabaseError && error.retryable;
      if (!canRetry || waitedMs >= giveUpAfterMs) throw error;
      onRetry(error);
      await sleep(delayMs);
      waitedMs += delayMs;
    }
  }
}
