import type { ModelMessage } from "./model.ts";

type Topic = { about: RegExp; answer: string };

const connecting = `Any OpenAI-compatible server will do. Stop Peregrine and start it again with its base URL and a model that it has:

\`\`\`sh
MODEL_SERVERS=http://127.0.0.1:11434/v1 MODEL=llama3.2 npm start
\`\`\`

- **Ollama** listens at \`http://127.0.0.1:11434/v1\`, **llama.cpp** at \`http://127.0.0.1:8080/v1\`, **vLLM** at \`http://127.0.0.1:8000/v1\`.
- A hosted service needs its key too: \`MODEL_API_KEY=…\`.
- Without \`MODEL\`, the first model that the server lists is taken.`;

/** The first whose words are in the question. */
const topics: readonly Topic[] = [
  {
    about:
      /\b(connect|real model|model[_ ]servers?|ollama|vllm|llama|openai|openrouter|api[_ ]key)\b/i,
    answer: `## Connecting a model

${connecting}`,
  },
  {
    about: /\b(shortcuts?|hot ?keys?|keyboard|keys)\b/i,
    answer: `## Keys

- **Enter** sends a question, **Shift+Enter** begins a new line.
- **Tab** walks through everything there is to press; nothing here needs a mouse.

The code below is only here to show you what code looks like:

\`\`\`js
input.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) send();
});
\`\`\``,
  },
  {
    about: /\b(settings?|configur\w*|environment|port|database|postgres|redis|sign-?ups?)\b/i,
    answer: `## Settings

Peregrine reads its settings from the environment once, when it starts; a wrong one stops the start and says why. The ones that are wanted first:

| setting | what it does |
| --- | --- |
| \`PORT\` | where to listen, 3000 unless you say otherwise |
| \`MODEL_SERVERS\` | base URLs of your model servers |
| \`DATABASE_URL\` | your own Postgres in place of the embedded one |
| \`SIGNUP\` | \`closed\` keeps strangers from making an account |

\`\`\`sh
PORT=8080 SIGNUP=closed npm start
\`\`\`

- All of them are in \`docs/configuration.md\`.
- Your data is in the folder that \`DATA_DIR\` names, \`./data\` unless you say otherwise.`,
  },
  {
    about:
      /\b(help|what can you do|who are you|what are you|how does (this|it) work|peregrine|start(ed)?)\b/i,
    answer: `## Peregrine

Peregrine is an AI chat that you host yourself, and whose point is speed. What you can try right now, with me:

1. **Close this tab** while I write, and open it again: the answer goes on without you.
2. **Open a second tab**: both show the same, as it happens.
3. **Stop** me in the middle, or have my last answer made again.

Ask me about the *settings*, the *keys*, or how to *connect a real model*. It comes down to:

\`\`\`sh
MODEL_SERVERS=http://127.0.0.1:11434/v1 MODEL=llama3.2 npm start
\`\`\``,
  },
  {
    about: /^\W*(hi|hello|hey|hallo|good (morning|evening|day)|thanks?|thank you|bye)\b/i,
    answer: `## Hello

- I am not a language model, so there is little that I can tell you.
- I know something of Peregrine: ask me for *help*, about *settings*, *keys*, or how to *connect a real model*.

\`\`\`text
what can you do?
\`\`\``,
  },
];

/**
 * What the demonstration model says to the last message of a history. Depends on nothing else, so
 * that the same history always gets the same answer.
 */
export function demonstrationAnswer(history: readonly ModelMessage[]): string {
  const question = history.at(-1)?.content ?? "";
  // A long paste mentions all sorts of things; what it is about stands at its beginning.
  const topic = topics.find(({ about }) => about.test(question.slice(0, 300)));
  return `${topic?.answer ?? echo(question)}\n\n${remembered(history)}\n\n${plainly(topic)}`;
}

/** Without a topic there is nothing to say but what was asked. */
function echo(question: string): string {
  const lines = question.split("\n").length;
  const words = question.match(/[\p{L}\p{N}]+/gu) ?? [];
  return `## What you asked

> ${quote(question)}

I cannot answer that, but I can tell you about it:

- It has **${count(words.length, "word")}** in ${count(lines, "line")}, ${count([...question].length, "character")} in all.
- ${longest(words)}

As a program would see it:

\`\`\`json
${JSON.stringify({ role: "user", words: words.length, endsWithQuestionMark: /[?？]\s*$/.test(question) }, null, 2)}
\`\`\``;
}

function longest(words: readonly string[]): string {
  const word = words.reduce((a, b) => (b.length > a.length ? b : a), "");
  return word === "" ? "It has no words at all." : `Its longest word is *${clip(word, 40)}*.`;
}

/** Shows that the history is sent along, which is all that a chat remembers. */
function remembered(history: readonly ModelMessage[]): string {
  const earlier = history.slice(0, -1);
  const questions = earlier.filter((message) => message.role === "user");
  const first = questions[0];
  if (!first) return "This is the first question of our conversation.";
  const answers = earlier.length - questions.length;
  return `I was sent ${count(questions.length, "earlier question")} and ${count(answers, "answer")} with it; the first was “${quote(first.content)}”.`;
}

function plainly(topic: Topic | undefined): string {
  const plain =
    "*I am the demonstration that is built into Peregrine, not a language model, and these are ready-made words.*";
  if (topic) return plain;
  return `${plain}\n\n### To get real answers\n\n${connecting}`;
}

/** The beginning of a text on one line, with what Markdown would take for marks kept as text. */
function quote(text: string): string {
  const line = clip(text.replace(/\s+/g, " ").trim(), 120);
  return line.replace(/[\\`*_[\]<>#|~]/g, "\\$&");
}

function clip(text: string, length: number): string {
  const characters = [...text.slice(0, 2 * length + 2)];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
