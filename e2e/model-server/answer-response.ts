import { answerSteps, type Step, wholeAnswer } from "./answer-steps.ts";
import { beginningOf, type ChatRequest, wayAsked } from "./chat-request.ts";
import type { Scenario } from "./scenario.ts";

/** Everything that is sent for one request, from the status line on. */
export function* responseSteps(scenario: Scenario, chat: ChatRequest): Generator<Step> {
  const refused =
    scenario.rejects.split(",").find((part) => part !== "" && part in chat.body) ??
    refusedContinuation(scenario, chat);
  const status = refused ? 400 : scenario.fault === "error" ? 200 : scenario.status;
  yield { type: "waitUntil", ms: scenario.headersDelayMs };
  yield { type: "head", text: head(scenario, status, chat) };
  if (status !== 200 && scenario.body === "sse") {
    const message = scenario.errorMessage || (refused ? refusal(refused) : "as you asked");
    yield whole(JSON.stringify({ error: { message, type: "error", param: refused, code: null } }));
  } else if (!chat.stream) yield whole(wholeAnswer(scenario, chat));
  else yield* answerSteps(scenario, chat);
  yield { type: "end" };
}

/** The name of the field by which it was asked in a way that it does not know. */
function refusedContinuation(scenario: Scenario, chat: ChatRequest): string | undefined {
  if (scenario.continues === "never" || beginningOf(chat) === undefined) return undefined;
  const known = scenario.continues === "prefix_repeated" ? "prefix" : scenario.continues;
  const asked = wayAsked(chat);
  return asked === known ? undefined : asked === "assistant" ? "messages" : asked;
}

function whole(text: string): Step {
  return { type: "event", text, isToken: false };
}

function refusal(part: string): string {
  const advice = part === "max_tokens" ? " Use 'max_completion_tokens' instead." : "";
  return `Unsupported parameter: '${part}' is not supported with this model.${advice}`;
}

function head(scenario: Scenario, status: number, chat: ChatRequest): string {
  const isStream = status === 200 && chat.stream && scenario.body !== "json";
  const plainType = isStream ? "text/event-stream; charset=utf-8" : "application/json";
  const type = scenario.contentType || (scenario.body === "html" ? "text/html" : plainType);
  const lines = [
    `HTTP/1.1 ${status} ${status === 200 ? "OK" : "Not OK"}`,
    `Content-Type: ${type}`,
    "Transfer-Encoding: chunked",
  ];
  if (scenario.retryAfter !== "") lines.push(`Retry-After: ${scenario.retryAfter}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
