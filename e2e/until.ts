/** Waits until something holds. @throws Error saying what was waited for */
export async function until(
  condition: () => unknown,
  what: string,
  { everyMs = 20, withinMs = 30_000 } = {},
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${withinMs / 1000} s for ${what}`);
    await Bun.sleep(everyMs);
  }
}
