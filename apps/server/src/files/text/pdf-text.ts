import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ApiError } from "../../http/api-error.ts";
import { createTurns } from "../../http/turns.ts";

/**
 * The text of a PDF, page by page, or null if it has none.
 * @throws ApiError unreadable_file, or overloaded where too many wait
 */
export type PdfText = (path: string, maxLength: number) => Promise<string | null>;

const program = join(import.meta.dirname, "pdf-text-process.ts");
const turns = {
  atOnce: 2,
  // Where each takes all its time, the last waits eight minutes.
  maxWaiting: 50,
  refusal: "Too many PDFs are being read. Try again in a moment.",
};
const watchMs = 50;

type Limits = { timeoutMs: number; maxMemoryBytes: number };
const defaultLimits: Limits = { timeoutMs: 20_000, maxMemoryBytes: 768 * 1024 * 1024 };

/**
 * Reads PDFs, each in a process of its own: what a PDF says of itself cannot be trusted, and a few
 * kilobytes of it can unfold to gigabytes. A process that takes more than 20 s, or more than 768 MB,
 * is ended. Two run at once, others wait, up to a bound.
 */
export function openPdfText(limits: Limits = defaultLimits): PdfText {
  const turn = createTurns(turns);
  return (path, maxLength) => turn(() => readPdf(path, maxLength, limits));
}

async function readPdf(
  path: string,
  maxLength: number,
  { timeoutMs, maxMemoryBytes }: Limits,
): Promise<string | null> {
  const reader = Bun.spawn([process.execPath, "--smol", program, path, String(maxLength)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    env: {},
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  let isTooBig = false;
  const watch = setInterval(() => {
    residentBytes(reader.pid).then((bytes) => {
      if (bytes < maxMemoryBytes) return;
      isTooBig = true;
      reader.kill("SIGKILL");
    }, ignoreGone);
  }, watchMs);
  try {
    const [text] = await Promise.all([new Response(reader.stdout).text(), reader.exited]);
    if (isTooBig || reader.signalCode !== null) {
      throw new ApiError(
        "unreadable_file",
        `The PDF takes more than ${isTooBig ? `${maxMemoryBytes / 1024 ** 2} MB` : `${timeoutMs / 1000} s`} to read.`,
        { field: "file" },
      );
    }
    // One that is encrypted or broken is kept, without its text.
    return reader.exitCode === 0 && text.trim() !== "" ? text : null;
  } finally {
    clearInterval(watch);
  }
}

async function residentBytes(pid: number): Promise<number> {
  if (process.platform === "linux") {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }
  const told = Bun.spawn(["ps", "-o", "rss=", "-p", String(pid)], { stderr: "ignore" });
  return Number(await new Response(told.stdout).text()) * 1024;
}

function ignoreGone(): void {}
