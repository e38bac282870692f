import { type LoadReport, readLoadReport } from "./load-report.ts";
import { show } from "./numbers.ts";

/** What came back from asking a server whether it is ready. */
export interface ProbeAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * What an answer means. `failed` may be a hiccup and needs a few in a row; `refused` is the
 * server's own clear word (it drains, or speaks another version of the API) and counts at once.
 */
export type ProbeVerdict =
  | { readonly outcome: "ready"; readonly load: LoadReport | undefined }
  | { readonly outcome: "failed" | "refused"; readonly words: string };

/**
 * Judges the answer to `GET /ready`: `{"status": "ready", "api_version": …, "load": {"cpu": …,
 * "event_loop_delay_ms": …, "running_answers": …}}` with status 200. The load may be left out, and
 * the version as well where none is expected. A 200 with anything else is not healthy: some other
 * program has taken the port, or a proxy between answers for a dead server.
 */
export function judgeReadyAnswer(
  answer: ProbeAnswer,
  apiVersion: string | undefined,
): ProbeVerdict {
  const body = parseObject(answer.body);
  if (body?.status === "draining") return { outcome: "refused", words: "it is draining" };
  if (answer.status !== 200) {
    const own = typeof body?.status === "string" ? ` and says ${show(body.status)}` : "";
    return { outcome: "failed", words: `it answers ${answer.status}${own}` };
  }
  if (body?.status !== "ready") {
    const what = body === undefined ? show(answer.body) : `the status ${show(body.status)}`;
    return { outcome: "failed", words: `it answers 200 with ${what} instead of "ready"` };
  }
  const version = body.api_version;
  if (apiVersion !== undefined && version !== apiVersion) {
    const words = `it answers for version ${show(version)} of the API, and ${show(apiVersion)} is needed`;
    return { outcome: "refused", words };
  }
  return { outcome: "ready", load: readLoadReport(body.load) };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
