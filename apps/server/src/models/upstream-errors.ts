import { ModelError } from "./model-error.ts";
import { inWords, retryAfterMs } from "./retry-after.ts";
import { safeDetail } from "./safe-detail.ts";

/** What a model server said of an error, whatever shape it said it in. */
type Complaint = {
  message: string;
  /** An HTTP status, where the code is one. */
  status: number | undefined;
  /** Its code and type, as words: "insufficient_quota". */
  kind: string;
};

/**
 * Finds an error in what a server sent as JSON. The shapes in use: `{error: {message, type, code}}`
 * (OpenAI, llama.cpp, OpenRouter, newer vLLM), `{object: "error", message, code}` (older vLLM),
 * `{error: "…"}` (Ollama), `{detail: "…"}` and `{detail: [{msg}]}` (FastAPI), `{message}` where
 * `isError` says that it can be nothing else.
 *
 * @returns undefined where there is none
 */
export function complaintIn(json: unknown, isError = false): Complaint | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  const body = json as Record<string, unknown>;
  if (typeof body.error === "string" && body.error !== "") {
    return { message: body.error, status: undefined, kind: "" };
  }
  if (typeof body.error === "object" && body.error !== null) {
    return fromObject(body.error as Record<string, unknown>);
  }
  if (body.object === "error") return fromObject(body);
  if (!isError) return undefined;
  const detail: unknown = body.detail;
  if (typeof detail === "string") return { message: detail, status: undefined, kind: "" };
  if (Array.isArray(detail)) return fromObject({ message: (detail[0] as { msg?: unknown })?.msg });
  return fromObject(body);
}

function fromObject(error: Record<string, unknown>): Complaint {
  const code = error.code;
  const status =
    typeof code === "number" || /^\d{3}$/.test(String(code)) ? Number(code) : Number.NaN;
  return {
    message: typeof error.message === "string" ? error.message : "",
    status: status >= 400 && status <= 599 ? status : undefined,
    kind: `${text(code)} ${text(error.type)} ${text(error.param)}`,
  };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export type UpstreamContext = { model: string; apiKey: string | undefined };

/** The error for an answer with a status other than 2xx. `body` is what was read of it. */
export function errorForStatus(
  status: number,
  headers: Headers,
  body: string,
  context: UpstreamContext,
): ModelError {
  const complaint = complaintIn(parseJson(body), true);
  const cause = causeOf(`HTTP ${status}: ${body.slice(0, 2000)}`, context);
  return errorFor(status, complaint, retryAfterMs(headers), cause, context);
}

/** The error for an error object inside a stream that began well. */
export function errorForComplaint(complaint: Complaint, context: UpstreamContext): ModelError {
  const said = `${complaint.kind.trim()} ${complaint.message}`.trim().slice(0, 2000);
  const cause = causeOf(`the stream said: ${said}`, context);
  const status = complaint.status ?? statusOf(complaint);
  if (status !== undefined && status < 500) {
    return errorFor(status, complaint, undefined, cause, context);
  }
  const message = "The model server failed while it was answering.";
  return new ModelError("model_interrupted", message, { cause });
}

function errorFor(
  status: number,
  complaint: Complaint | undefined,
  retryAfterMs: number | undefined,
  cause: Error,
  context: UpstreamContext,
): ModelError {
  if (status === 402 || complaint?.kind.includes("insufficient_quota")) {
    const message = "The account at the model server has no credit left.";
    return new ModelError("model_rejected", message, { cause });
  }
  if (status === 429 || status === 529 || (status === 503 && retryAfterMs !== undefined)) {
    const message = `The model server takes no more requests for now. Try again ${inWords(retryAfterMs)}.`;
    return new ModelError("model_rate_limited", message, { retryAfterMs, cause });
  }
  if (status === 408 || status === 504) {
    const message = `The model server ran out of time (HTTP ${status}).`;
    return new ModelError("model_timeout", message, { retryAfterMs, cause });
  }
  if (status >= 500) {
    const message = `The model server failed (HTTP ${status}).`;
    return new ModelError("model_unreachable", message, { retryAfterMs, cause });
  }
  if (status === 401 || status === 403) {
    const message = `The model server refused our API key (HTTP ${status}): an administrator has to check MODEL_API_KEY.`;
    return new ModelError("model_rejected", message, { cause });
  }
  if (status === 404) {
    const message = `The model server does not know the model ${JSON.stringify(context.model)}, or MODEL_SERVERS is not the base URL of its API (HTTP 404).`;
    return new ModelError("model_rejected", message, { isServerIll: false, cause });
  }
  if (status < 400) {
    const message = `The model server sends us elsewhere (HTTP ${status}): an administrator has to put the final address into MODEL_SERVERS.`;
    return new ModelError("model_rejected", message, { cause });
  }
  const detail = safeDetail(complaint?.message ?? "", context.apiKey);
  const message = `The model server rejected the request (HTTP ${status})${detail ? `: ${detail}` : "."}`;
  return new ModelError("model_rejected", message, { isServerAtFault: false, cause });
}

/** Servers that name an error but give it no status. */
function statusOf(complaint: Complaint): number | undefined {
  const said = `${complaint.kind} ${complaint.message}`;
  if (/rate.?limit|too many requests|overloaded/i.test(said)) return 429;
  if (/context.?(length|size|window)|invalid_request|BadRequest/i.test(said)) return 400;
  return undefined;
}

function causeOf(text: string, { apiKey }: UpstreamContext): Error {
  return new Error(apiKey ? text.replaceAll(apiKey, "…") : text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
