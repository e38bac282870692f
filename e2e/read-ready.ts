const startTimeoutMs = 30_000;

/** Where a process listens, as the line of its log says. */
export type Ready = { url: string; adminUrl?: string };

/** Reads the log until the process says where it listens, and the rest of it for as long as it comes. */
export async function readReady(
  child: Bun.Subprocess<"ignore", "pipe", "inherit">,
): Promise<Ready> {
  const ready = Promise.withResolvers<Ready>();
  const timer = setTimeout(
    () => ready.reject(new Error("the process did not start")),
    startTimeoutMs,
  );
  const lines: string[] = [];
  const read = async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const piece of child.stdout) {
      rest += decoder.decode(piece, { stream: true });
      const complete = rest.split("\n");
      rest = complete.pop() ?? "";
      for (const line of complete) {
        lines.push(line);
        const entry = JSON.parse(line);
        if (entry.msg === "ready") ready.resolve(entry);
      }
    }
    ready.reject(new Error(`the process ended: ${lines.join("\n")}`));
  };
  read().catch(ready.reject);
  try {
    return await ready.promise;
  } finally {
    clearTimeout(timer);
  }
}
