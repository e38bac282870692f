/** Throws where it does not come in time, as when the process that was to tell has died. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const late = Bun.sleep(ms).then(() => {
    throw new Error(`waited in vain for ${ms / 1000} s: ${what}`);
  });
  return await Promise.race([promise, late]);
}
