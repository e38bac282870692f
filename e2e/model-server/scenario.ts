/** How the model server answers one request. Everything it can do wrong is here by name. */
export type Scenario = {
  /** What it says; without it, `tokens` words that are numbered from 0. */
  text: string;
  tokens: number;
  /** 0 for as fast as it can. */
  rate: number;
  /** Before the headers of the answer are sent. */
  headersDelayMs: number;
  /** Before the first token. */
  firstTokenDelayMs: number;
  /** Tokens of reasoning before the first of the answer. */
  reasoning: number;
  /** Each token says when it was sent, in ms since the epoch: `@1700000000000.123 `. */
  stamp: boolean;

  /** Other than 200: an error in JSON, or as `body` says. */
  status: number;
  retryAfter: string;
  /** What is sent in place of the error message. */
  errorMessage: string;
  body: "sse" | "json" | "html" | "garbage" | "endless_line" | "endless_comments" | "empty";
  contentType: string;
  /** Refuses, as strict servers do, requests that have these parts, separated by commas. */
  rejects: string;
  /**
   * How it has to be asked to go on with an assistant's message at the end; it refuses if asked in
   * another way. `never` takes it for a whole one and begins another answer.
   */
  continues: "never" | "assistant" | "continue_final_message" | "prefix" | "prefix_repeated";

  /** Cuts the body into HTTP chunks of this many bytes, wherever that falls; 0 for one an event. */
  cut: number;
  lineEnd: "lf" | "crlf" | "cr";
  comments: boolean;
  /** Sends each emoji as two lone halves of a surrogate pair, in two events. */
  splitSurrogates: boolean;
  /** `null_choices` puts chunks with `choices: null`, `choices: []` and `delta: null` in between. */
  oddities: "none" | "null_choices";
  usage: "asked" | "always" | "never";
  finishReason: string;
  done: boolean;
  /** Leaves out the empty line after the last event. */
  abruptEnd: boolean;

  /** What happens after `after` tokens. `end` is a body that ends properly without the rest. */
  fault: "none" | "stall" | "close" | "reset" | "error" | "end";
  after: number;
  errorShape: "openai" | "vllm" | "ollama" | "openrouter" | "llama_field" | "event_error";
};

export const plainScenario: Scenario = {
  text: "",
  tokens: 20,
  rate: 0,
  headersDelayMs: 0,
  firstTokenDelayMs: 0,
  reasoning: 0,
  stamp: false,
  status: 200,
  retryAfter: "",
  errorMessage: "",
  body: "sse",
  contentType: "",
  rejects: "",
  continues: "assistant",
  cut: 0,
  lineEnd: "lf",
  comments: false,
  splitSurrogates: false,
  oddities: "none",
  usage: "asked",
  finishReason: "stop",
  done: true,
  abruptEnd: false,
  fault: "none",
  after: 0,
  errorShape: "openai",
};

/**
 * Reads what a question asks of the model server: `{{tokens=200 rate=80 fault=stall after=3}}`
 * anywhere in it. Values have no spaces.
 *
 * @throws Error naming a key or value that is unknown
 */
export function scenarioIn(question: string): Partial<Scenario> {
  const directive = /\{\{([^{}]*)\}\}/.exec(question)?.[1] ?? "";
  const scenario: Record<string, unknown> = {};
  for (const pair of directive.split(/\s+/)) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const key = pair.slice(0, equals);
    scenario[key] = value(key, pair.slice(equals + 1));
  }
  return checkedScenario(scenario);
}

function value(key: string, text: string): unknown {
  const kind = typeof plainScenario[key as keyof Scenario];
  if (kind === "number" && /^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (kind === "boolean" && /^(true|false)$/.test(text)) return text === "true";
  return text;
}

/** @throws Error naming a key or value that is unknown */
export function checkedScenario(given: unknown): Partial<Scenario> {
  for (const [key, value] of Object.entries(given ?? {})) {
    const plain = plainScenario[key as keyof Scenario];
    const accepted = choices[key];
    if (plain === undefined) throw new Error(`unknown key ${JSON.stringify(key)} of a scenario`);
    if (typeof value !== typeof plain || (accepted && !accepted.includes(String(value)))) {
      const expected = accepted?.join(", ") ?? `a ${typeof plain}`;
      throw new Error(`${key}=${JSON.stringify(value)} in a scenario; expected ${expected}`);
    }
  }
  return given as Partial<Scenario>;
}

const choices: Record<string, readonly string[]> = {
  continues: ["never", "assistant", "continue_final_message", "prefix", "prefix_repeated"],
  body: ["sse", "json", "html", "garbage", "endless_line", "endless_comments", "empty"],
  lineEnd: ["lf", "crlf", "cr"],
  oddities: ["none", "null_choices"],
  usage: ["asked", "always", "never"],
  fault: ["none", "stall", "close", "reset", "error", "end"],
  errorShape: ["openai", "vllm", "ollama", "openrouter", "llama_field", "event_error"],
};
